"""The demo's output: addresses, results, and what to try next, as commands to paste."""

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
    """Return msi-func's response in a few words; aad-func's problem instead of msi-func's, if there is one."""
    if status == 200:
        caller, roles = body["caller"], ", ".join(body["roles"]) or "none"
        return "200" if short else f"200: aad-func accepted the {caller['kind']}, roles: {roles}."
    inner = body.get("downstream", body)
    text = f"{inner.get('status', status)} {inner.get('code', 'without a code')}"
    visible = inner.get("new_role_visible_by")
    return f"{text} until {visible[:16]}Z" if short and visible else text


@dataclass(frozen=True, slots=True)
class DemoTexts:
    """Texts for the apps that run; `role` is the app role that aad-func requires."""

    apps: DemoApps
    role: str

    def addresses(self, *, easy_auth: bool) -> str:
        """Return the addresses of everything that runs, the one for the browser first."""
        apps, behind = self.apps, ", behind Easy Auth" if easy_auth else ""
        return f"""Open {apps.msi_url} in a browser.
  msi-func  {apps.msi_url}  calls aad-func with its managed identity
  aad-func  {apps.aad_url}  requires the app role {self.role}{behind}
  tenant    {apps.azure.origin}  Entra and the identity endpoint, on this machine
"""

    def menu(self) -> str:
        """Return what can be entered."""
        return """Try: 1 errors, 2 a role that arrives late, 3 the same step by step, 4 users, 5 new keys.
Enter a number, or r to restart msi-func; Ctrl+C stops everything."""

    def commands(self, choice: str) -> str:
        """Return the commands of one entry of the menu, each with its effect."""
        steps = {"1": self._errors, "3": self._late_role, "4": self._users, "5": self._new_keys}
        if choice not in steps:
            return ""
        found = "\n".join(f"  {command}\n      {effect}" for command, effect in steps[choice]())
        return found or "This tenant has nothing for that."

    def _errors(self) -> Iterable[tuple[str, str]]:
        yield ShellRequest(f"{self.apps.msi_url}?auth=0").command(), "without a token: aad-func's 401 in msi-func's 502"
        forged = ShellRequest(self.apps.aad_url, headers={"X-MS-CLIENT-PRINCIPAL": "forged"})
        yield forged.command(), "a forged principal: 401"

    def _new_keys(self) -> Iterable[tuple[str, str]]:
        rotate = f"{this_command()} control{self._at} rotate-keys"
        yield rotate, "a new signing key: msi-func's token stays valid, and aad-func accepts new ones within 30 seconds"

    def _users(self) -> Iterable[tuple[str, str]]:
        directory, api = self.apps.azure.directory, self.apps.api
        federated = directory.federated_application(self.apps.azure.site)
        if federated is None or not federated[0].app_id_uris:
            return
        has_role = {user.name: self.role in directory.roles(user, api) for user in directory.users}
        guarded = {user.name for user in directory.users if directory.mfa_policy(user, api)}
        free = [name for name in has_role if name not in guarded]
        cases = [
            *[(name, "", "200, the caller is of kind user") for name in free if has_role[name]][:1],
            *[(name, "", f"{DENIED}: without the role") for name in free if not has_role[name]][:1],
            *[(name, "", "401 with a claims challenge: a second factor is required") for name in sorted(guarded)][:1],
            *[(name, " --mfa", "200, with the second factor") for name in sorted(guarded)][:1],
        ]
        scope = f"{federated[0].app_id_uris[0]}/.default"
        for name, option, effect in cases:
            request = ShellRequest(f"{self.apps.msi_url}?as=user", token_command=self._token(scope, name) + option)
            yield request.command(), effect

    def _late_role(self) -> Iterable[tuple[str, str]]:
        """Yield the commands that assign the role (or remove it, if the identity has it), and when it takes effect."""
        azure, api, role = self.apps.azure, self.apps.api, self.apps.api.role(self.role)
        identity = next((one for one in azure.site.identities if one.system_assigned), None)
        if identity is None or role is None:
            return
        has_role = self.role in azure.directory.roles(identity, api)
        before, after, verb = ("200", DENIED, "removes") if has_role else (DENIED, "200", "assigns")
        call = ShellRequest(self.apps.msi_url).command()
        yield self._change(identity, role.id, remove=has_role), f"an administrator {verb} the role"
        yield call, f"still {before}: the platform caches the identity's token for 24 hours; r does not help"
        advance = f"{this_command()} control{self._at} advance 24h"
        yield advance, "a day passes; then enter r, because msi-func caches its token as well"
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
