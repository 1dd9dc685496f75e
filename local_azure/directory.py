"""The tenant as a whole: who and what is in it, and who was assigned which app role.

Read from tenant.json; local_azure/README.md documents its shape. Assignments are all that changes while it runs.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from local_azure import tenant_file
from local_azure.entries import Entry, EntryError, read
from local_azure.grants import Consent, MfaPolicy, consent, mfa_policy
from local_azure.principals import (
    Application,
    Group,
    ManagedIdentity,
    Principal,
    ServicePrincipal,
    Site,
    User,
    member_type,
)

SHIPPED = Path(__file__).with_name("tenant.json")


@dataclass(frozen=True, slots=True)
class Assignment:
    """This principal has this app role of this API (all by object id; the API's is its service principal's)."""

    principal_id: str
    resource_id: str
    role_id: str
    created: float = field(default_factory=time.time, compare=False)


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
    consents: tuple[Consent, ...] = ()
    mfa_policies: tuple[MfaPolicy, ...] = ()

    def api(self, resource: str) -> Application | None:
        """The API that is meant by an App ID URI or a client id."""
        return next((app for app in self.applications if app.answers_to(resource)), None)

    def application(self, name: str) -> Application | None:
        """The app registration with this name."""
        return next((app for app in self.applications if app.name == name), None)

    def site(self, name: str) -> Site | None:
        """The site with this name."""
        return next((site for site in self.sites if site.name == name), None)

    def user(self, name: str) -> User | None:
        """The user who signs in with this name."""
        return next((user for user in self.users if user.name.lower() == name.lower()), None)

    def service_principals(self) -> Iterable[ServicePrincipal]:
        """All that can act by itself."""
        yield from self.applications
        yield from self.identities

    def principals(self) -> Iterable[Principal]:
        """All that a role can be assigned to."""
        yield from self.service_principals()
        yield from self.users
        yield from self.groups

    def roles(self, principal: Principal, api: Application) -> list[str]:
        """Values of the app roles that a token for `api` carries."""
        held = {given.role_id for given in self._held(principal, api)}
        return [role.value for role in api.app_roles if role.id in held]

    def is_assigned(self, principal: Principal, api: Application) -> bool:
        """Does it have a role of `api`, or the one without a name (see graph.py)?"""
        return any(True for _ in self._held(principal, api))

    def consented(self, user: User, client_id: str, api: Application) -> set[str]:
        """Scopes within which the client may act for the user towards `api`."""
        if client_id in api.pre_authorized_clients:
            return {scope.value for scope in api.scopes}
        return {
            scope
            for given in self.consents
            if (given.client_id, given.resource_id) == (client_id, api.object_id)
            and given.user_id in (None, user.object_id)
            for scope in given.scopes
        }

    def mfa_policy(self, user: User, api: Application) -> MfaPolicy | None:
        """The policy by which this user needs a second factor for `api`."""
        ids = self._ids(user)
        found = (one for one in self.mfa_policies if one.resource_id == api.object_id and one.principal_id in ids)
        return next(found, None)

    def _held(self, principal: Principal, api: Application) -> Iterable[Assignment]:
        # A group's roles are its users', never its service principals'.
        holders = self._ids(principal) if isinstance(principal, User) else {principal.object_id}
        for given in self.assignments:
            if given.resource_id == api.object_id and given.principal_id in holders:
                yield given

    def _ids(self, user: User) -> set[str]:
        """The user's object id, and those of their groups."""
        return {user.object_id, *(group.object_id for group in self.groups if user.object_id in group.members)}


def load(path: Path = SHIPPED) -> Directory:
    """Read a tenant file. Raises EntryError naming the file, the entry and the reason."""
    try:
        return _directory(read(path))
    except EntryError as error:
        raise EntryError(f"{path}: {error}") from None


def _directory(file: Entry) -> Directory:
    applications = file.entries("applications", tenant_file.application)
    identities = file.entries("managed_identities", tenant_file.identity)
    users = file.entries("users", tenant_file.user)
    directory = Directory(
        tenant_id=file.guid("tenant_id"),
        name=file.text("name"),
        applications=applications,
        sites=file.entries("sites", tenant_file.site(identities)),
        identities=identities,
        users=users,
        groups=file.entries("groups", tenant_file.group([*applications, *identities, *users])),
    )
    if not directory.sites:
        raise file.fault("sites", "there has to be one at least")
    _check_distinct(directory)
    directory.assignments.extend(file.entries("assignments", lambda entry: _assignment(entry, directory)))
    directory.consents = file.entries("consents", lambda entry: consent(entry, directory))
    directory.mfa_policies = file.entries("mfa_policies", lambda entry: mfa_policy(entry, directory))
    file.done()
    return directory


def _check_distinct(directory: Directory) -> None:
    apps, identities, users, groups, sites = (
        [(f"{kind}[{index}]", entry) for index, entry in enumerate(entries)]
        for kind, entries in (
            ("applications", directory.applications),
            ("managed_identities", directory.identities),
            ("users", directory.users),
            ("groups", directory.groups),
            ("sites", directory.sites),
        )
    )
    principals = [*apps, *identities, *users, *groups]
    for name, entries in (
        ("name", principals),
        ("object_id", principals),
        ("client_id", [*apps, *identities]),
        ("resource_id", identities),
        ("name", sites),
        ("identity_header", sites),
    ):
        tenant_file.distinct((f"{where}.{name}", getattr(entry, name)) for where, entry in entries)
    tenant_file.distinct(
        (f"{where}.app_id_uris[{index}]", uri)
        for where, app in apps
        for index, uri in enumerate(getattr(app, "app_id_uris", ()))
    )


def _assignment(entry: Entry, directory: Directory) -> Assignment:
    api = directory.application(entry.text("application"))
    if api is None:
        raise entry.fault("application", "no application has this name")
    principal = next((one for one in directory.principals() if one.name == entry.text("principal")), None)
    if principal is None:
        raise entry.fault("principal", "no application, identity, user or group has this name")
    role = api.role(entry.text("role"))
    if role is None:
        raise entry.fault("role", f"{api.name} has no such app role")
    if member_type(principal) not in role.member_types:
        raise entry.fault("role", f"is not for members of type {member_type(principal)}")
    return Assignment(principal.object_id, api.object_id, role.id)
