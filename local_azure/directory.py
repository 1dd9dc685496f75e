"""The tenant: app registrations, managed identities, users, groups and who was assigned which app role.

Read from tenant.json; local_azure/README.md documents its shape. Assignments are all that changes while it runs.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from local_azure.entries import Entry, EntryError

SHIPPED = Path(__file__).with_name("tenant.json")

MemberType = Literal["Application", "User"]


@dataclass(frozen=True, slots=True)
class AppRole:
    """https://learn.microsoft.com/graph/api/resources/approle"""

    id: str
    value: str
    member_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """A permission that users can delegate to an application."""

    id: str
    value: str


@dataclass(frozen=True, slots=True)
class Application:
    """An app registration together with its service principal, whose object id is `object_id`."""

    name: str
    client_id: str
    object_id: str
    app_id_uris: tuple[str, ...]
    token_version: int
    app_roles: tuple[AppRole, ...]
    scopes: tuple[Scope, ...]
    assignment_required: bool
    pre_authorized_clients: tuple[str, ...]
    optional_claims: tuple[str, ...]
    secrets: tuple[str, ...]

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
class Site:
    """A function app (or a slot of one): the secret it presents at the identity endpoint, the identities it may use."""

    name: str
    identity_header: str
    identities: tuple[ManagedIdentity, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of users."""

    name: str
    object_id: str


@dataclass(frozen=True, slots=True)
class User:
    """A person, and the groups that they are in."""

    name: str
    object_id: str
    groups: tuple[str, ...]


Principal = Application | ManagedIdentity | User | Group


@dataclass(frozen=True, slots=True)
class Assignment:
    """This principal has this app role of this API (all by object id; the API's is its service principal's)."""

    principal_id: str
    resource_id: str
    role_id: str


@dataclass(slots=True)
class Directory:
    """One tenant."""

    tenant_id: str
    name: str
    applications: tuple[Application, ...]
    sites: tuple[Site, ...]
    identities: tuple[ManagedIdentity, ...]
    users: tuple[User, ...]
    groups: tuple[Group, ...]
    assignments: list[Assignment] = field(default_factory=list)

    def api(self, resource: str) -> Application | None:
        """The API that is meant by an App ID URI or a client id."""
        return next((app for app in self.applications if app.answers_to(resource)), None)

    def site(self, name: str) -> Site | None:
        """The site with this name."""
        return next((site for site in self.sites if site.name == name), None)

    def principals(self) -> Iterable[Principal]:
        """All that a role can be assigned to."""
        yield from self.applications
        yield from self.identities
        yield from self.users
        yield from self.groups

    def roles(self, principal: Principal, api: Application) -> list[str]:
        """Values of the app roles that a token for `api` carries: the principal's own and, for users, their groups'."""
        holders = {principal.object_id}
        if isinstance(principal, User):
            holders |= {group.object_id for group in self.groups if group.name in principal.groups}
        held = {
            given.role_id
            for given in self.assignments
            if given.resource_id == api.object_id and given.principal_id in holders
        }
        return [role.value for role in api.app_roles if role.id in held]


def load(path: Path = SHIPPED) -> Directory:
    """Read a tenant file. Raises EntryError naming the file, the entry and the reason."""
    try:
        return _directory(Entry(json.loads(path.read_text("utf-8"))))
    except OSError as error:
        raise EntryError(f"{path}: cannot be read ({error.strerror})") from None
    except json.JSONDecodeError as error:
        raise EntryError(f"{path}: is not JSON (line {error.lineno}: {error.msg})") from None
    except EntryError as error:
        raise EntryError(f"{path}: {error}") from None


def _directory(file: Entry) -> Directory:
    identities = file.entries("managed_identities", _identity)
    directory = Directory(
        tenant_id=file.guid("tenant_id"),
        name=file.text("name"),
        applications=file.entries("applications", _application),
        sites=file.entries("sites", lambda entry: _site(entry, identities)),
        identities=identities,
        users=file.entries("users", _user),
        groups=file.entries("groups", lambda entry: Group(entry.text("name"), entry.guid("object_id"))),
    )
    directory.assignments.extend(file.entries("assignments", lambda entry: _assignment(entry, directory)))
    file.done()
    return directory


def _application(entry: Entry) -> Application:
    client_id = entry.guid("client_id")
    return Application(
        name=entry.text("name"),
        client_id=client_id,
        object_id=entry.guid("object_id"),
        app_id_uris=entry.texts("app_id_uris", ()),
        # As on Entra, where nobody asked for version 2 it is version 1.
        token_version=entry.one_of("token_version", (1, 2, None), None) or 1,
        app_roles=entry.entries(
            "app_roles", lambda role: AppRole(role.guid("id"), role.text("value"), role.texts("member_types"))
        ),
        scopes=entry.entries("scopes", lambda scope: Scope(scope.guid("id"), scope.text("value"))),
        assignment_required=entry.flag("assignment_required", False),
        pre_authorized_clients=entry.texts("pre_authorized_clients", ()),
        optional_claims=entry.texts("optional_claims", ()),
        secrets=entry.texts("secrets", ()),
    )


def _identity(entry: Entry) -> ManagedIdentity:
    return ManagedIdentity(
        name=entry.text("name"),
        client_id=entry.guid("client_id"),
        object_id=entry.guid("object_id"),
        resource_id=entry.text("resource_id"),
        system_assigned=entry.one_of("kind", ("system", "user")) == "system",
    )


def _site(entry: Entry, identities: tuple[ManagedIdentity, ...]) -> Site:
    by_name = {identity.name: identity for identity in identities}
    names = entry.texts("identities", ())
    for index, name in enumerate(names):
        if name not in by_name:
            raise entry.fault(f"identities[{index}]", f"no managed identity is called {name}")
    return Site(entry.text("name"), entry.text("identity_header"), tuple(by_name[name] for name in names))


def _user(entry: Entry) -> User:
    return User(entry.text("name"), entry.guid("object_id"), entry.texts("groups", ()))


def _assignment(entry: Entry, directory: Directory) -> Assignment:
    api = next((app for app in directory.applications if app.name == entry.text("application")), None)
    if api is None:
        raise entry.fault("application", "no application has this name")
    principal = next((one for one in directory.principals() if one.name == entry.text("principal")), None)
    if principal is None:
        raise entry.fault("principal", "no application, identity, user or group has this name")
    role = api.role(entry.text("role"))
    if role is None:
        raise entry.fault("role", f"{api.name} has no such app role")
    wanted = "User" if isinstance(principal, User | Group) else "Application"
    if wanted not in role.member_types:
        raise entry.fault("role", f"is not for members of type {wanted}")
    return Assignment(principal.object_id, api.object_id, role.id)
