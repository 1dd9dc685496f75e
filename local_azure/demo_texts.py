"""What the demo prints: where things are, and what to try next, as commands that work as they stand."""

import json
import os
import shlex
import sys

from local_azure import clients, graph_objects
from local_azure.cloud import LocalAzure
from local_azure.defaults import HTTP_PORT
from local_azure.directory import Assignment
from local_azure.environment import MANAGED_IDENTITY_PATH
from local_azure.graph import RESOURCE
from local_azure.principals import Application, AppRole, ManagedIdentity


def where(azure: LocalAzure, msi_url: str, aad_url: str, *, easy_auth: bool) -> str:
    """The addresses of everything that runs."""
    behind = ", behind Easy Auth" if easy_auth else ""
    return f"""
  tenant            {azure.origin}/{azure.directory.tenant_id} and {azure.https_origin}/...
  managed identity  {azure.origin}{MANAGED_IDENTITY_PATH}, of the site {azure.site.name}
  msi-func          {msi_url}
  aad-func          {aad_url}{behind}
"""


def things_to_try(azure: LocalAzure, api: Application, role: AppRole | None, msi_url: str, aad_url: str) -> str:
    """Three small things, calls as a user, and the story of the role that is not seen until tomorrow."""
    identity = next((one for one in azure.site.identities if one.system_assigned), None)
    story = _story(azure, identity, api, role, msi_url) if identity and role else ""
    return f"""In a browser, {msi_url} shows the call.

Try next, in another terminal in this folder:
  curl '{msi_url}?auth=0'
      calls without a token: aad-func's 401 inside msi-func's 502
  curl -i -H 'X-MS-CLIENT-PRINCIPAL: made-up' {aad_url}
      asks aad-func directly, claiming to be somebody: 401
  {_python()} control{_at(azure)} rotate-keys
      a new key, as Entra has one now and then: msi-func goes on as before, with the token that it has
{_as_user(azure, api, role, msi_url)}{story}
Enter here restarts msi-func, Ctrl+C stops everything."""


def _as_user(azure: LocalAzure, api: Application, role: AppRole | None, msi_url: str) -> str:
    """Calls on behalf of users: one with the role, one without, one who needs a second factor."""
    directory = azure.directory
    found = clients.of_site(directory, azure.site)
    if found is None or role is None or not found[0].app_id_uris:
        return ""
    has = {user.name: role.value in directory.roles(user, api) for user in directory.users}
    free = [user.name for user in directory.users if directory.mfa_policy(user, api) is None]
    asked = [user.name for user in directory.users if directory.mfa_policy(user, api) and has[user.name]]
    tries = [
        *[(name, "", "let in as this user: the caller is of kind user") for name in free if has[name]][:1],
        *[(name, "", "502, with aad-func's 403: this user does not have the role") for name in free if not has[name]][:1],
        *[(name, "", "401 with what to ask for: this user needs a second factor") for name in asked][:1],
        *[(name, " --mfa", "let in, with the second factor") for name in asked][:1],
    ]
    token = f"{_python()} token{_at(azure)} --scope {found[0].app_id_uris[0]}/.default --user"
    return "\nOn behalf of a user, still without a secret:\n" + "".join(
        f"""  curl -si -H "Authorization: Bearer $({token} {name}{option})" '{msi_url}?as=user'
      {what}
"""
        for name, option, what in tries
    )


def _story(azure: LocalAzure, identity: ManagedIdentity, api: Application, role: AppRole, msi_url: str) -> str:
    """Assigning (or, where the identity has the role, withdrawing) it, and when that is seen."""
    has_it = role.value in azure.directory.roles(identity, api)
    before, after = ("200", "502, with aad-func's 403") if has_it else ("502, with aad-func's 403", "200")
    done = "taken away" if has_it else "assigned"
    other = "" if has_it else _other_spelling(azure, identity, api)
    return f"""
The 24-hour story: the role {role.value} of {api.name} is {done}, and nothing changes for a day.
  TOKEN=$({_python()} token{_at(azure)} --user {_admin(azure)} --scope {RESOURCE}/.default)
  {_change(azure, identity, api, role, take=has_it)}
      an administrator has it {done}, with Graph
  curl -s {msi_url}
      still {before}: the platform keeps the identity's token for 24 hours, and msi-func's own library does too
      (press Enter here to restart msi-func, and see that a restart does not help)
{other}  {_python()} control{_at(azure)} forget-tokens
      a day goes by; then press Enter here, as msi-func too still has its token
  curl -s {msi_url}
      {after}
"""


def _change(azure: LocalAzure, identity: ManagedIdentity, api: Application, role: AppRole, *, take: bool) -> str:
    where = f"{azure.origin}/v1.0/servicePrincipals/{api.object_id}/appRoleAssignedTo"
    bearer = '-H "Authorization: Bearer $TOKEN"'
    if take:
        given = Assignment(identity.object_id, api.object_id, role.id)
        return f"curl -i -X DELETE {bearer} {where}/{graph_objects.assignment_id(given)}"
    body = {"principalId": identity.object_id, "resourceId": api.object_id, "appRoleId": role.id}
    return f"curl -s {bearer} -H 'Content-Type: application/json' -d '{json.dumps(body)}' {where}"


def _other_spelling(azure: LocalAzure, identity: ManagedIdentity, api: Application) -> str:
    """For version 2 tokens, whose audience is the client id however it was asked for."""
    if api.token_version != 2:
        return ""
    scheme, _, rest = api.app_id_uris[0].partition("://")
    query = f"api-version=2019-08-01&resource={scheme}://{rest.upper()}"
    header = f"-H 'X-IDENTITY-HEADER: {azure.site.identity_header}'"
    return f"""  curl -s {header} '{azure.origin}{MANAGED_IDENTITY_PATH}?{query}'
      the same resource in capitals is another entry there: its token has the role at once (see the log here)
"""


def _admin(azure: LocalAzure) -> str:
    return next((user.name for user in azure.directory.users if user.admin), "ADMINISTRATOR")


def _python() -> str:
    """This interpreter, shortened where it is below the current folder."""
    short = os.path.relpath(sys.executable)
    return f"{shlex.quote(sys.executable if short.startswith('..') else short)} -m local_azure"


def _at(azure: LocalAzure) -> str:
    return "" if azure.origin.endswith(f":{HTTP_PORT}") else f" --url {azure.origin}"
