"""The demo's output: addresses, and what to try next, as commands to paste."""

import json
import os
import shlex
import sys

from local_azure.cloud import LocalAzure
from local_azure.graph import resources
from local_azure.graph.api import RESOURCE
from local_azure.managed_identity import app_service
from local_azure.serving.defaults import HTTP_PORT
from local_azure.tenant.grants import Assignment
from local_azure.tenant.principals import Application, AppRole, ManagedIdentity


def addresses(azure: LocalAzure, msi_url: str, aad_url: str, *, easy_auth: bool) -> str:
    """Return the addresses of everything that runs."""
    behind = ", behind Easy Auth" if easy_auth else ""
    return f"""
  tenant            {azure.origin}/{azure.directory.tenant_id} and {azure.https_origin}/...
  managed identity  {azure.origin}{app_service.PATH}, of the site {azure.site.name}
  msi-func          {msi_url}
  aad-func          {aad_url}{behind}
"""


def things_to_try(azure: LocalAzure, api: Application, role: AppRole | None, msi_url: str, aad_url: str) -> str:
    """Return three small examples, calls on behalf of users, and the story of the role that takes a day."""
    identity = next((one for one in azure.site.identities if one.system_assigned), None)
    story = _story(azure, identity, api, role, msi_url) if identity and role else ""
    return f"""Open {msi_url} in a browser to see the claims page.

Try next, in another terminal in this folder:
  curl '{msi_url}?auth=0'
      calls without a token: aad-func's 401 inside msi-func's 502
  curl -i -H 'X-MS-CLIENT-PRINCIPAL: forged' {aad_url}
      calls aad-func with a forged principal: 401
  {_python()} control{_at(azure)} rotate-keys
      a new signing key, as Entra publishes one now and then: msi-func still has its token and is not affected
{_as_user(azure, api, role, msi_url)}{story}
Enter here restarts msi-func, Ctrl+C stops everything."""


def _as_user(azure: LocalAzure, api: Application, role: AppRole | None, msi_url: str) -> str:
    """Return calls on behalf of users: with the role, without it, and with a second factor."""
    directory = azure.directory
    federated = directory.federated_application(azure.site)
    if federated is None or role is None or not federated[0].app_id_uris:
        return ""
    has = {user.name: role.value in directory.roles(user, api) for user in directory.users}
    free = [user.name for user in directory.users if directory.mfa_policy(user, api) is None]
    guarded = [user.name for user in directory.users if directory.mfa_policy(user, api) and has[user.name]]
    denied = [
        (name, "", "502, with aad-func's 403: this user does not have the role") for name in free if not has[name]
    ]
    examples = [
        *[(name, "", "200 as this user: the caller is of kind user") for name in free if has[name]][:1],
        *[(name, "", denied) for name in free if not has[name]][:1],
        *[(name, "", "401 with a claims challenge: this user needs a second factor") for name in guarded][:1],
        *[(name, " --mfa", "200, with the second factor") for name in guarded][:1],
    ]
    token = f"{_python()} token{_at(azure)} --scope {federated[0].app_id_uris[0]}/.default --user"
    return "\nOn behalf of a user, still without a secret:\n" + "".join(
        f"""  curl -si -H "Authorization: Bearer $({token} {name}{option})" '{msi_url}?as=user'
      {effect}
"""
        for name, option, effect in examples
    )


def _story(azure: LocalAzure, identity: ManagedIdentity, api: Application, role: AppRole, msi_url: str) -> str:
    """Return the commands that assign the role (or remove it, if the identity has it), and when that takes effect."""
    has_role = role.value in azure.directory.roles(identity, api)
    before, after = ("200", "502, with aad-func's 403") if has_role else ("502, with aad-func's 403", "200")
    done = "removed" if has_role else "assigned"
    other = "" if has_role else _other_spelling(azure, identity, api)
    return f"""
The 24-hour story: the role {role.value} of {api.name} is {done}, and nothing changes for a day.
  TOKEN=$({_python()} token{_at(azure)} --user {_admin(azure)} --scope {RESOURCE}/.default)
  {_change(azure, identity, api, role, remove=has_role)}
      the role is {done} by an administrator, with Graph
  curl -s {msi_url}
      still {before}: the platform caches the identity's token for 24 hours, and so does msi-func's own library
      (Enter here restarts msi-func, which does not help)
{other}  {_python()} control{_at(azure)} advance 24h
      a day passes for the platform's cache; then press Enter here, because msi-func has its token cached too
  curl -s {msi_url}
      {after}
"""


def _change(azure: LocalAzure, identity: ManagedIdentity, api: Application, role: AppRole, *, remove: bool) -> str:
    url = f"{azure.origin}/v1.0/servicePrincipals/{api.object_id}/appRoleAssignedTo"
    bearer = '-H "Authorization: Bearer $TOKEN"'
    if remove:
        assignment = Assignment(identity.object_id, api.object_id, role.id)
        return f"curl -i -X DELETE {bearer} {url}/{resources.assignment_id(assignment)}"
    body = {"principalId": identity.object_id, "resourceId": api.object_id, "appRoleId": role.id}
    return f"curl -s {bearer} -H 'Content-Type: application/json' -d '{json.dumps(body)}' {url}"


def _other_spelling(azure: LocalAzure, identity: ManagedIdentity, api: Application) -> str:
    """Return the request for the resource in capitals: only version 2 tokens have the client ID as `aud` then."""
    if api.token_version != 2:
        return ""
    scheme, _, rest = api.app_id_uris[0].partition("://")
    query = f"api-version=2019-08-01&resource={scheme}://{rest.upper()}"
    header = f"-H 'X-IDENTITY-HEADER: {azure.site.identity_header}'"
    return f"""  curl -s {header} '{azure.origin}{app_service.PATH}?{query}'
      the same resource in capitals is a separate cache entry: its token has the role at once (see the log here)
"""


def _admin(azure: LocalAzure) -> str:
    return next((user.name for user in azure.directory.users if user.admin), "ADMINISTRATOR")


def _python() -> str:
    """Return the command of this interpreter, relative if it is below the current folder."""
    relative = os.path.relpath(sys.executable)
    return f"{shlex.quote(sys.executable if relative.startswith('..') else relative)} -m local_azure"


def _at(azure: LocalAzure) -> str:
    return "" if azure.origin.endswith(f":{HTTP_PORT}") else f" --url {azure.origin}"
