"""What a tenant consists of: app registrations, managed identities, users, groups, and the sites that run on them."""

from dataclasses import dataclass
from typing import Literal

MemberType = Literal["Application", "User"]


@dataclass(frozen=True, slots=True)
class AppRole:
    """https://learn.microsoft.com/graph/api/resources/approle"""

    id: str
    value: str
    member_types: tuple[MemberType, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """A permission that users can delegate to an application; one for administrators only with `admin`."""

    id: str
    value: str
    admin: bool


@dataclass(frozen=True, slots=True)
class FederatedCredential:
    """Whose tokens an application may present in place of a secret.

    `issuer` None is this tenant; `subject` is then a managed identity's object id.
    https://learn.microsoft.com/graph/api/resources/federatedidentitycredential
    """

    name: str
    issuer: str | None
    subject: str
    audience: str


@dataclass(frozen=True, slots=True)
class Application:
    """An app registration together with its service principal, whose object id is `object_id`."""

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

    def answers_to(self, resource: str) -> bool:
        """Is this the API that `resource` names? By client id or App ID URI, without regard to case."""
        wanted = resource.lower()
        return wanted == self.client_id or wanted in (uri.lower() for uri in self.app_id_uris)

    def role(self, value: str) -> AppRole | None:
        """The app role with this value."""
        return next((role for role in self.app_roles if role.value == value), None)


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """An identity of one or more sites. A system-assigned one bears its site's name."""

    name: str
    client_id: str
    object_id: str
    resource_id: str
    system_assigned: bool


@dataclass(frozen=True, slots=True)
class User:
    """A person, known by the name that they sign in with."""

    name: str
    object_id: str
    admin: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group; `members` are object ids."""

    name: str
    object_id: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A function app (or a slot of one): the secret it presents at the identity endpoint, the identities it may use."""

    name: str
    identity_header: str
    identities: tuple[ManagedIdentity, ...]


ServicePrincipal = Application | ManagedIdentity
Principal = ServicePrincipal | User | Group


def member_type(principal: Principal) -> MemberType:
    """Which app roles can be assigned to it."""
    return "User" if isinstance(principal, User | Group) else "Application"
