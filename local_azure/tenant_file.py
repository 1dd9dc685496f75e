"""The entries of a tenant file, one by one. local_azure/README.md documents their shape."""

from collections.abc import Callable, Iterable

from local_azure.entries import Entry, EntryError
from local_azure.principals import (
    Application,
    AppRole,
    FederatedCredential,
    Group,
    ManagedIdentity,
    Principal,
    Scope,
    Site,
    User,
)

# https://learn.microsoft.com/graph/api/resources/approle: no white space, no leading dot, 120 characters.
_ROLE_VALUE = r"[^\s.]\S{0,119}"

# What Entra wants there: https://learn.microsoft.com/graph/api/resources/federatedidentitycredential
TOKEN_EXCHANGE = "api://AzureADTokenExchange"


def application(entry: Entry) -> Application:
    """One of `applications`."""
    app = Application(
        name=entry.text("name"),
        client_id=entry.guid("client_id"),
        object_id=entry.guid("object_id"),
        app_id_uris=entry.texts("app_id_uris", (), like=r"[A-Za-z][\w.+-]*://\S+[^\s/]"),
        # As on Entra, where nobody asked for version 2 it is version 1.
        token_version=entry.one_of("token_version", (1, 2, None), None) or 1,
        app_roles=entry.entries("app_roles", _role),
        scopes=entry.entries("scopes", _scope),
        assignment_required=entry.flag("assignment_required", False),
        pre_authorized_clients=entry.guids("pre_authorized_clients"),
        optional_claims=entry.texts("optional_claims", (), like="idtyp"),
        secrets=entry.texts("secrets", ()),
        federated_credentials=entry.entries("federated_credentials", _federated_credential),
    )
    distinct(
        (f"{entry.at('federated_credentials')}[{i}].name", one.name) for i, one in enumerate(app.federated_credentials)
    )
    permissions = [
        *(("app_roles", i, role.id, role.value) for i, role in enumerate(app.app_roles)),
        *(("scopes", i, scope.id, scope.value) for i, scope in enumerate(app.scopes)),
    ]
    distinct((f"{entry.at(kind)}[{i}].id", identifier) for kind, i, identifier, _ in permissions)
    for wanted in ("app_roles", "scopes"):
        distinct((f"{entry.at(kind)}[{i}].value", value) for kind, i, _, value in permissions if kind == wanted)
    return app


def _role(entry: Entry) -> AppRole:
    members = entry.texts("member_types", like="Application|User")
    if not members:
        raise entry.fault("member_types", "is empty; write Application, User or both")
    return AppRole(entry.guid("id"), entry.text("value", like=_ROLE_VALUE), members)


def _scope(entry: Entry) -> Scope:
    kind = entry.one_of("type", ("User", "Admin"), "User")
    return Scope(entry.guid("id"), entry.text("value", like=r"\S+"), kind == "Admin")


def _federated_credential(entry: Entry) -> FederatedCredential:
    return FederatedCredential(
        name=entry.text("name"),
        issuer=entry.text("issuer", None, like=r"https://\S+"),
        subject=entry.text("subject"),
        audience=entry.text("audience", TOKEN_EXCHANGE),
    )


def identity(entry: Entry) -> ManagedIdentity:
    """One of `managed_identities`."""
    return ManagedIdentity(
        name=entry.text("name"),
        client_id=entry.guid("client_id"),
        object_id=entry.guid("object_id"),
        resource_id=entry.text("resource_id", like=r"/subscriptions/\S+"),
        system_assigned=entry.one_of("kind", ("system", "user")) == "system",
    )


def user(entry: Entry) -> User:
    """One of `users`."""
    return User(entry.text("name"), entry.guid("object_id"), entry.flag("admin", False))


def group(principals: Iterable[Principal]) -> Callable[[Entry], Group]:
    """Reads one of `groups`, whose members are given by name."""
    by_name = {principal.name: principal.object_id for principal in principals}

    def read(entry: Entry) -> Group:
        return Group(entry.text("name"), entry.guid("object_id"), entry.named("members", by_name))

    return read


def site(identities: Iterable[ManagedIdentity]) -> Callable[[Entry], Site]:
    """Reads one of `sites`, whose identities are given by name."""
    by_name = {identity.name: identity for identity in identities}

    def read(entry: Entry) -> Site:
        found = Site(
            entry.text("name"), entry.text("identity_header", like=r"[!-~]+"), entry.named("identities", by_name)
        )
        if sum(one.system_assigned for one in found.identities) > 1:
            raise entry.fault("identities", "has more than one that is system-assigned")
        return found

    return read


def distinct(values: Iterable[tuple[str, str]]) -> None:
    """Raise for a value that two entries have; given as (where it stands, value), without regard to case."""
    seen: dict[str, str] = {}
    for where, value in values:
        if value.lower() in seen:
            raise EntryError(f"{where}: {value} is already at {seen[value.lower()]}")
        seen[value.lower()] = where
