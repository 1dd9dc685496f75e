"""What clients may do for users: consent, and what conditional access wants of the user first."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_azure.entries import Entry
from local_azure.principals import Application, Group, User

if TYPE_CHECKING:
    from local_azure.directory import Directory


@dataclass(frozen=True, slots=True)
class Consent:
    """This client may act for a user towards this API, within these scopes; user None is an administrator's, for all.

    https://learn.microsoft.com/graph/api/resources/oauth2permissiongrant
    """

    client_id: str
    resource_id: str
    scopes: tuple[str, ...]
    user_id: str | None


@dataclass(frozen=True, slots=True)
class MfaPolicy:
    """This user, or members of this group, need a second factor for this API.

    https://learn.microsoft.com/entra/identity/conditional-access/overview
    """

    id: str
    principal_id: str
    resource_id: str

    @property
    def claims(self) -> str:
        """What a client asks for when it signs the user in again, as Entra writes it."""
        return f'{{"access_token":{{"capolids":{{"essential":true,"values":["{self.id}"]}}}}}}'


def consent(entry: Entry, directory: "Directory") -> Consent:
    """One of `consents`."""
    client = _application(entry, "client", directory)
    api = _application(entry, "application", directory)
    scopes = entry.texts("scopes")
    for index, value in enumerate(scopes):
        if value not in (scope.value for scope in api.scopes):
            raise entry.fault(f"scopes[{index}]", f"{api.name} has no such scope")
    name = entry.text("user", None)
    user = directory.user(name) if name else None
    if name and user is None:
        raise entry.fault("user", "no user has this name")
    return Consent(client.client_id, api.object_id, scopes, user.object_id if user else None)


def mfa_policy(entry: Entry, directory: "Directory") -> MfaPolicy:
    """One of `mfa_policies`."""
    api = _application(entry, "application", directory)
    name = entry.text("principal")
    people: list[User | Group] = [*directory.users, *directory.groups]
    principal = next((one for one in people if one.name == name), None)
    if principal is None:
        raise entry.fault("principal", "no user or group has this name")
    return MfaPolicy(entry.guid("id"), principal.object_id, api.object_id)


def _application(entry: Entry, member: str, directory: "Directory") -> Application:
    found = directory.application(entry.text(member))
    if found is None:
        raise entry.fault(member, "no application has this name")
    return found
