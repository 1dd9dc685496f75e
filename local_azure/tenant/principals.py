"""App registrations, managed identities, users, groups and sites."""

from dataclasses import dataclass
from typing import Literal

MemberType = Literal["Application", "User"]


@dataclass(frozen=True, slots=True)
class AppRole:
    """An app role. https://learn.microsoft.com/graph/api/resources/approle"""

    id: str
    value: str
    member_types: tuple[MemberType, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """A delegated permission. `admin` is true if only administrators can consent."""

    id: str
    value: str
    admin: bool


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """The issuer, subject and audience of tokens that an application may present instead of a secret.

    If `issuer` is None, this tenant issues the tokens and `subject` is the object ID of a managed identity.
    https://learn.microsoft.com/graph/api/resources/federatedidentitycredential
    """

    name: str
    issuer: str | None
    subject: str
    audience: str


@dataclass(frozen=True, slots=True)
class Application:
    """An app registration. `object_id` is the object ID of the service principal."""

    name: str
    client_id: str
    object_id: str
    app_id_uris: tuple[str, ...]
    token_version: Literal[1, 2]
    app_roles: tuple[AppRole, ...]
    scopes: tuple[Scope, ...]
    assignment_required: bool
    pre_authorized_clients: tuple[str, ...]
    optional_claims: tuple[str, ...]
    secrets: tuple[str, ...]
    federated_credentials: tuple[FederatedCredential, ...]

    def matches_resource(self, resource: str) -> bool:
        """Return whether `resource` is the client ID or an App ID URI of this API, ignoring case."""
        name = resource.lower()
        return name == self.client_id or name in (uri.lower() for uri in self.app_id_uris)

    def role(self, value: str) -> AppRole | None:
        """Return the app role with this value, or None."""
        return next((role for role in self.app_roles if role.value == value), None)


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """A managed identity. On Azure, a system-assigned identity has the name of its site."""

    name: str
    client_id: str
    object_id: str
    resource_id: str
    system_assigned: bool


@dataclass(frozen=True, slots=True)
class User:
    """A user. `name` is the sign-in name."""

    name: str
    object_id: str
    admin: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group. `members` contains object IDs."""

    name: str
    object_id: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A function app or slot. `identity_header` is the site's secret for the identity endpoint."""

    name: str
    identity_header: str
    identities: tuple[ManagedIdentity, ...]


ServicePrincipal = Application | ManagedIdentity
Principal = ServicePrincipal | User | Group


def member_type(principal: Principal) -> MemberType:
    """Return the member type of the app roles that can be assigned to the principal."""
    return "User" if isinstance(principal, User | Group) else "Application"
