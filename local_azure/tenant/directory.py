"""The directory of a tenant: principals, sites, role assignments, consents and policies."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from local_azure.tenant.grants import Assignment, Consent, MfaPolicy
from local_azure.tenant.principals import (
    Application,
    Group,
    ManagedIdentity,
    Principal,
    ServicePrincipal,
    Site,
    User,
)


@dataclass(slots=True)
class Directory:
    """The directory of one tenant. Only `assignments` and `groups` change after loading."""

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
        """Return the API with this App ID URI or client ID, or None."""
        return next((app for app in self.applications if app.matches_resource(resource)), None)

    def application(self, name: str) -> Application | None:
        """Return the app registration with this name, or None."""
        return next((app for app in self.applications if app.name == name), None)

    def site(self, name: str) -> Site | None:
        """Return the site with this name, or None."""
        return next((site for site in self.sites if site.name == name), None)

    def user(self, name: str) -> User | None:
        """Return the user with this sign-in name, or None."""
        return next((user for user in self.users if user.name.lower() == name.lower()), None)

    def service_principals(self) -> Iterable[ServicePrincipal]:
        """Yield all applications and managed identities."""
        yield from self.applications
        yield from self.identities

    def principals(self) -> Iterable[Principal]:
        """Yield all principals to which app roles can be assigned."""
        yield from self.service_principals()
        yield from self.users
        yield from self.groups

    def roles(self, principal: Principal, api: Application) -> list[str]:
        """Return the values of the app roles in the principal's tokens for `api`."""
        held = {assignment.role_id for assignment in self._assignments(principal, api)}
        return [role.value for role in api.app_roles if role.id in held]

    def is_assigned(self, principal: Principal, api: Application) -> bool:
        """Return whether the principal has an app role of `api`, including the default access role."""
        return any(True for _ in self._assignments(principal, api))

    def consented(self, user: User, client_id: str, api: Application) -> set[str]:
        """Return the scopes of `api` that the client may request on behalf of this user."""
        if client_id in api.pre_authorized_clients:
            return {scope.value for scope in api.scopes}
        return {
            scope
            for consent in self.consents
            if (consent.client_id, consent.resource_id) == (client_id, api.object_id)
            and consent.user_id in (None, user.object_id)
            for scope in consent.scopes
        }

    def mfa_policy(self, user: User, api: Application) -> MfaPolicy | None:
        """Return the policy that requires a second factor for this user and `api`, or None."""
        ids = self._ids(user)
        policies = (one for one in self.mfa_policies if one.resource_id == api.object_id and one.principal_id in ids)
        return next(policies, None)

    def federated_application(self, site: Site) -> tuple[Application, ManagedIdentity] | None:
        """Return an application that trusts an identity of the site, together with this identity, or None."""
        matches = (
            (app, identity)
            for app in self.applications
            for credential in app.federated_credentials
            for identity in site.identities
            if credential.issuer is None and credential.subject == identity.object_id
        )
        return next(matches, None)

    def _assignments(self, principal: Principal, api: Application) -> Iterable[Assignment]:
        # Users inherit the roles of their groups; service principals do not.
        holders = self._ids(principal) if isinstance(principal, User) else {principal.object_id}
        for assignment in self.assignments:
            if assignment.resource_id == api.object_id and assignment.principal_id in holders:
                yield assignment

    def _ids(self, user: User) -> set[str]:
        """Return the object IDs of the user and the user's groups."""
        return {user.object_id, *(group.object_id for group in self.groups if user.object_id in group.members)}
