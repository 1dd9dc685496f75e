"""The demo's texts: addresses, results and commands to try."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local_azure.cli.demo_apps import DemoApps
from local_azure.cli.shell_commands import ShellRequest, this_command
from local_azure.graph import resources
from local_azure.graph.api import RESOURCE
from local_azure.serving.defaults import HTTP_PORT
from local_azure.tenant.grants import Assignment
from local_azure.tenant.principals import ManagedIdentity

DENIED = "502 with aad-func's 403"


def summary(status: int, body: Any, *, short: bool = False) -> str:
    """Summarize msi-func's response. If the response contains aad-func's error, summarize aad-func's error."""
    if status == 200:
        caller, roles = body["caller"], ", ".join(body["roles"]) or "none"
        return "200" if short else f"200: aad-func accepted the {caller['kind']}, roles: {roles}."
    inner = body.get("downstream", body)
    text = f"{inner.get('status', status)} {inner.get('code', 'without a code')}"
    visible = inner.get("new_role_visible_by")
    return f"{text} until {visible[:16]}Z" if short and visible else text


@dataclass(frozen=True, slots=True)
class DemoTexts:
    """Texts about the running apps. `role` is the app role that aad-func requires."""

    apps: DemoApps
    role: str

    def addresses(self, *, easy_auth: bool) -> str:
        """Return the addresses of msi-func, aad-func and the tenant."""
        apps, behind = self.apps, ", behind Easy Auth" if easy_auth else ""
        return f"""Open {apps.msi_url} in a browser.
  msi-func  {apps.msi_url}  calls aad-func with its managed identity
  aad-func  {apps.aad_url}  requires the app role {self.role}{behind}
  tenant    {apps.azure.origin}  emulates Entra and the managed identity endpoint
"""

    def menu(self) -> str:
        """Return the list of choices."""
        return """Try 1 (errors), 2 (a new role), 3 (commands for a new role), 4 (users) or 5 (a new signing key).
Enter a number, or r to restart msi-func. Press Ctrl+C to stop everything."""

    def commands(self, choice: str) -> str:
        """Return the commands for a choice with the effect of each command, or "" if the choice is unknown."""
        steps = {"1": self._errors, "3": self._late_role, "4": self._users, "5": self._new_keys}
        if choice not in steps:
            return ""
        found = "\n".join(f"  {command}\n      {effect}" for command, effect in steps[choice]())
        return found or "The tenant file does not define the identities or app roles for this choice."

    def _errors(self) -> Iterable[tuple[str, str]]:
        yield (
            ShellRequest(f"{self.apps.msi_url}?auth=0").command(),
            "sends no token: msi-func returns 502 with aad-func's 401",
        )
        forged = ShellRequest(self.apps.aad_url, headers={"X-MS-CLIENT-PRINCIPAL": "forged"})
        yield forged.command(), "sends a forged principal header: aad-func returns 401"

    def _new_keys(self) -> Iterable[tuple[str, str]]:
        rotate = f"{this_command()} control{self._at} rotate-keys"
        yield (
            rotate,
            "changes the signing key: old tokens remain valid, and aad-func accepts new tokens within 30 seconds",
        )

    def _users(self) -> Iterable[tuple[str, str]]:
        directory, api = self.apps.azure.directory, self.apps.api
        federated = directory.federated_application(self.apps.azure.site)
        if federated is None or not federated[0].app_id_uris:
            return
        has_role = {user.name: self.role in directory.roles(user, api) for user in directory.users}
        guarded = {user.name for user in directory.users if directory.mfa_policy(user, api)}
        free = [name for name in has_role if name not in guarded]
        cases = [
            *[(name, "", "200: the caller is a user") for name in free if has_role[name]][:1],
            *[(name, "", f"{DENIED}: the user does not have the role") for name in free if not has_role[name]][:1],
            *[(name, "", "401 with a claims challenge: a second factor is required") for name in sorted(guarded)][:1],
            *[(name, " --mfa", "200: the user signed in with a second factor") for name in sorted(guarded)][:1],
        ]
        scope = f"{federated[0].app_id_uris[0]}/.default"
        for name, option, effect in cases:
            request = ShellRequest(f"{self.apps.msi_url}?as=user", token_command=self._token(scope, name) + option)
            yield request.command(), effect

    def _late_role(self) -> Iterable[tuple[str, str]]:
        """Yield commands that assign the role, or remove an assigned role, and show when the change takes effect."""
        azure, api, role = self.apps.azure, self.apps.api, self.apps.api.role(self.role)
        identity = next((one for one in azure.site.identities if one.system_assigned), None)
        if identity is None or role is None:
            return
        has_role = self.role in azure.directory.roles(identity, api)
        before, after, verb = ("200", DENIED, "removes") if has_role else (DENIED, "200", "assigns")
        call = ShellRequest(self.apps.msi_url).command()
        yield self._change(identity, role.id, remove=has_role), f"an administrator {verb} the role"
        yield call, f"still {before}: the platform caches the token for 24 hours, even if msi-func restarts"
        advance = f"{this_command()} control{self._at} advance 24h"
        yield advance, "moves the clock forward; then enter r to restart msi-func, which caches the token too"
        yield call, after

    def _change(self, identity: ManagedIdentity, role_id: str, *, remove: bool) -> str:
        azure, api = self.apps.azure, self.apps.api
        admin = next((user.name for user in azure.directory.users if user.admin), "ADMINISTRATOR")
        token = self._token(f"{RESOURCE}/.default", admin)
        url = f"{azure.origin}/v1.0/servicePrincipals/{api.object_id}/appRoleAssignedTo"
        if remove:
            assignment = resources.assignment_id(Assignment(identity.object_id, api.object_id, role_id))
            return ShellRequest(f"{url}/{assignment}", "DELETE", token_command=token).command()
        body = {"principalId": identity.object_id, "resourceId": api.object_id, "appRoleId": role_id}
        return ShellRequest(url, "POST", token_command=token, body=body).command()

    def _token(self, scope: str, user: str) -> str:
        return f"{this_command()} token{self._at} --scope {scope} --user {user}"

    @property
    def _at(self) -> str:
        origin = self.apps.azure.origin
        return "" if origin.endswith(f":{HTTP_PORT}") else f" --url {origin}"
