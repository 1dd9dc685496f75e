"""A client for Microsoft Graph that finds principals and changes their app role assignments.

https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from common.settings import is_guid
from tools import http
from tools.console import FAULT, UNREACHABLE, ToolError
from tools.directory_objects import Principal, RoleAssignment, parse_assignment, parse_principal

TIMEOUT = 30  # seconds for one request
MAX_BYTES = 8 * 1024 * 1024
MAX_PAGES = 100
MAX_ATTEMPTS, BACKOFF, MAX_RETRY_AFTER = 4, 2.0, 60  # BACKOFF and MAX_RETRY_AFTER are in seconds
RETRY_STATUSES = (429, 503, 504)

READ = "Application.Read.All, and Directory.Read.All for users and groups"
WRITE = (
    "AppRoleAssignment.ReadWrite.All and Application.Read.All, or the directory role Cloud Application Administrator"
)


class GraphError(ToolError):
    """An error response of Graph, with the HTTP status and Graph's error code."""

    def __init__(self, status: int, graph_code: str, message: str) -> None:
        super().__init__(message, UNREACHABLE if status >= 500 else FAULT)
        self.status = status
        self.graph_code = graph_code


class Graph:
    """A client for the Graph at `url`, such as https://graph.microsoft.com. `token` returns an access token."""

    def __init__(self, url: str, token: Callable[[], str], *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.root = f"{url.rstrip('/')}/v1.0"
        self.token = token
        self._sleep = sleep

    def find_service_principals(self, text: str) -> list[Principal]:
        """Return the service principals with this object ID, client ID, App ID URI or display name."""
        collection, quoted = "servicePrincipals", text.replace("'", "''")
        if is_guid(text.lower()):
            found = [*self._by_id(collection, text), *self._filtered(collection, f"appId eq '{quoted}'")]
        elif "://" in text:
            found = [*self._filtered(collection, f"servicePrincipalNames/any(n:n eq '{quoted}')")]
        else:
            found = [*self._filtered(collection, f"displayName eq '{quoted}'")]
        return list({principal.object_id: principal for principal in found}.values())

    def find_users_and_groups(self, text: str) -> list[Principal]:
        """Return the users and groups with this object ID, display name or user principal name."""
        quoted = text.replace("'", "''")
        if is_guid(text.lower()):
            return [*self._by_id("users", text), *self._by_id("groups", text)]
        by_name = f"displayName eq '{quoted}' or userPrincipalName eq '{quoted}'"
        return [*self._filtered("users", by_name), *self._filtered("groups", f"displayName eq '{quoted}'")]

    def assignments(self, api: Principal) -> list[RoleAssignment]:
        """Return the assignments of the API's app roles."""
        return [
            parse_assignment(entry) for entry in self._pages(f"servicePrincipals/{api.object_id}/appRoleAssignedTo")
        ]

    def assign(self, api: Principal, body: dict[str, str]) -> None:
        """Assign a role. Raises GraphError."""
        self.call("POST", f"servicePrincipals/{api.object_id}/appRoleAssignedTo", body)

    def revoke(self, api: Principal, assignment_id: str) -> None:
        """Remove an assignment. Raises GraphError."""
        self.call("DELETE", f"servicePrincipals/{api.object_id}/appRoleAssignedTo/{quote(assignment_id, safe='')}")

    def call(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        """Send a request to Graph. Retries after status 429, 503 and 504. Raises GraphError or ToolError."""
        url = path if "://" in path else f"{self.root}/{path}"
        headers = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        for attempt in range(1, MAX_ATTEMPTS + 1):
            request = http.send(method, url, seconds=TIMEOUT, max_bytes=MAX_BYTES, headers=headers, body=data)
            try:
                response = http.run(request)
            except http.HttpError as error:
                raise ToolError(f"Microsoft Graph at {self.root} did not respond: {error.reason}.") from None
            if response.status not in RETRY_STATUSES or attempt == MAX_ATTEMPTS:
                break
            retry_after = response.headers.get("Retry-After", "")
            is_number = retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 10
            self._sleep(min(float(retry_after), MAX_RETRY_AFTER) if is_number else BACKOFF * attempt)
        return _content(response, method)

    def _by_id(self, collection: str, object_id: str) -> Iterator[Principal]:
        try:
            yield parse_principal(collection, self.call("GET", f"{collection}/{object_id}"))
        except GraphError as error:
            if error.status != 404:
                raise

    def _filtered(self, collection: str, condition: str) -> Iterator[Principal]:
        for entry in self._pages(f"{collection}?{urlencode({'$filter': condition})}"):
            yield parse_principal(collection, entry)

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        for _ in range(MAX_PAGES):
            page = self.call("GET", path)
            entries, path = page.get("value", []), page.get("@odata.nextLink", "")
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise ToolError("The server is not Microsoft Graph: the response contains no list of objects.")
            yield from entries
            if not path:
                return
            # A link to another server must not be followed, because the request contains the token.
            if not isinstance(path, str) or not path.startswith(f"{self.root}/"):
                raise ToolError("The link to the next page is not a URL of Microsoft Graph.")
        raise ToolError(f"Microsoft Graph returned more than {MAX_PAGES} pages.")


def _content(response: http.DownstreamResponse, method: str) -> dict[str, Any]:
    try:
        content = json.loads(response.body) if response.body else {}
    except (ValueError, RecursionError):
        content = None
    if response.status < 300:
        if not isinstance(content, dict):
            raise ToolError("The server is not Microsoft Graph: the response is not a JSON object.")
        return content
    error = content.get("error") if isinstance(content, dict) else None
    error = error if isinstance(error, dict) else {}
    code, message = (
        str(error.get("code", "")),
        str(error.get("message", f"Microsoft Graph returned {response.status}.")),
    )
    if response.status == 403:
        needed = READ if method == "GET" else WRITE
        message = f"Your account does not have the permission for this request. The directory requires {needed}."
    elif response.status == 401:
        message = "Microsoft Graph rejected the token. To sign in again to the tenant of the API, run az login."
    raise GraphError(response.status, code, message[:1000])
