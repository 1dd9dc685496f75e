"""Microsoft Graph, as far as app roles need it: finding principals, and their assignments.

https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import quote, urlencode

from common.settings import is_guid
from tools import http
from tools.console import FAILED, ToolError

SECONDS = 30  # for one request
MAX_BYTES = 8 * 1024 * 1024
MAX_PAGES = 100
TRIES, PAUSE = 4, 2.0  # where Graph asks for patience
TRY_AGAIN = (429, 503, 504)

READ = "Application.Read.All (for users and groups Directory.Read.All)"
WRITE = (
    "AppRoleAssignment.ReadWrite.All and Application.Read.All, or the directory role Cloud Application Administrator"
)


@dataclass(frozen=True, slots=True)
class Principal:
    """Something in the directory that can have a role: kind is "service principal", "user" or "group"."""

    kind: str
    name: str
    object_id: str
    client_id: str = ""
    roles: tuple[dict[str, Any], ...] = ()

    @property
    def member_type(self) -> str:
        """As app roles name it."""
        return "Application" if self.kind == "service principal" else "User"


class GraphError(ToolError):
    """Graph refused. `status` and `graph_code` are Graph's."""

    def __init__(self, status: int, graph_code: str, message: str) -> None:
        super().__init__(message, FAILED)
        self.status = status
        self.graph_code = graph_code


class Graph:
    """A client for `url` (https://graph.microsoft.com, or another cloud's), with `token` giving a token for it."""

    def __init__(self, url: str, token: Callable[[], str], *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.root = f"{url.rstrip('/')}/v1.0"
        self._token = token
        self._sleep = sleep

    def find(self, who: str, *, users: bool) -> list[Principal]:
        """All that `who` may mean: by object id, client id, App ID URI or name; users and groups only where asked."""
        text = who.replace("'", "''")
        if is_guid(who.lower()):
            found = [*self._one("servicePrincipals", who), *self._filtered("servicePrincipals", f"appId eq '{text}'")]
            people: Iterable[Principal] = chain(self._one("users", who), self._one("groups", who))
        elif "://" in who:
            found = list(self._filtered("servicePrincipals", f"servicePrincipalNames/any(n:n eq '{text}')"))
            people = ()
        else:
            found = list(self._filtered("servicePrincipals", f"displayName eq '{text}'"))
            people = chain(self._users(text), self._filtered("groups", f"displayName eq '{text}'"))
        if users:
            found += self._allowed(people, needed=not found)
        return list({principal.object_id: principal for principal in found}.values())

    def _allowed(self, people: Iterable[Principal], *, needed: bool) -> list[Principal]:
        """Users and groups; none where they may not be read and are not `needed`."""
        try:
            return list(people)
        except GraphError as error:
            if error.status == 403 and not needed:
                return []
            raise

    def assignments(self, api: Principal) -> list[dict[str, Any]]:
        """Who may call the API: Graph's appRoleAssignment objects."""
        return list(self._pages(f"servicePrincipals/{api.object_id}/appRoleAssignedTo"))

    def assign(self, api: Principal, body: dict[str, str]) -> None:
        """Give the role. Raises GraphError."""
        self.call("POST", f"servicePrincipals/{api.object_id}/appRoleAssignedTo", body)

    def revoke(self, api: Principal, assignment_id: str) -> None:
        """Take it back. Raises GraphError."""
        self.call("DELETE", f"servicePrincipals/{api.object_id}/appRoleAssignedTo/{quote(assignment_id, safe='')}")

    def call(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        """One request to Graph, again where it asks for patience. Raises GraphError or ToolError."""
        url = path if "://" in path else f"{self.root}/{path}"
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        for tries in range(1, TRIES + 1):
            try:
                answer = http.send(method, url, seconds=SECONDS, max_bytes=MAX_BYTES, headers=headers, body=data)
            except http.HttpError as error:
                raise ToolError(f"Microsoft Graph at {self.root} did not respond: {error.reason}.") from None
            if answer.status not in TRY_AGAIN or tries == TRIES:
                break
            asked = answer.headers.get("Retry-After", "")
            self._sleep(min(float(asked), 60) if asked.isdecimal() else PAUSE * tries)
        return _content(answer, method)

    def _one(self, kind: str, object_id: str) -> Iterator[Principal]:
        try:
            yield _principal(kind, self.call("GET", f"{kind}/{object_id}"))
        except GraphError as error:
            if error.status != 404:
                raise

    def _users(self, text: str) -> Iterator[Principal]:
        return self._filtered("users", f"displayName eq '{text}' or userPrincipalName eq '{text}'")

    def _filtered(self, kind: str, condition: str) -> Iterator[Principal]:
        for entry in self._pages(f"{kind}?{urlencode({'$filter': condition})}"):
            yield _principal(kind, entry)

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        for _ in range(MAX_PAGES):
            page = self.call("GET", path)
            yield from page.get("value", [])
            path = page.get("@odata.nextLink", "")
            if not path:
                return
            # The token goes to Graph and nowhere else, wherever a page may point.
            if not path.startswith(f"{self.root}/"):
                raise ToolError("Microsoft Graph names a next page that is not its own.")
        raise ToolError(f"Microsoft Graph has more than {MAX_PAGES} pages of this: too many to go through.")


_KINDS = {"servicePrincipals": "service principal", "users": "user", "groups": "group"}


def _principal(kind: str, entry: dict[str, Any]) -> Principal:
    return Principal(
        kind=_KINDS[kind],
        name=str(entry.get("displayName") or entry.get("userPrincipalName") or ""),
        object_id=str(entry["id"]),
        client_id=str(entry.get("appId") or ""),
        roles=tuple(entry.get("appRoles") or ()),
    )


def _content(answer: http.DownstreamResponse, method: str) -> dict[str, Any]:
    try:
        content = json.loads(answer.body) if answer.body else {}
    except (ValueError, RecursionError):
        content = None
    if answer.status < 300:
        if not isinstance(content, dict):
            raise ToolError("That is not Microsoft Graph: its answer is no JSON object.")
        return content
    content = content if isinstance(content, dict) else {}
    error = content.get("error")
    error = error if isinstance(error, dict) else {}
    code, said = str(error.get("code", "")), str(error.get("message", "nothing more"))
    if answer.status == 403:
        said = f"You may not do that in this directory. Ask an administrator for {READ if method == 'GET' else WRITE}."
    elif answer.status == 401:
        said = "Microsoft Graph did not accept the token: sign in again (az login), to the tenant that this is about."
    raise GraphError(answer.status, code, said)
