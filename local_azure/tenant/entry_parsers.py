"""Parsers for the principals and sites in a tenant file. local_azure/README.md documents its format."""

from collections.abc import Callable, Iterable

from local_azure.tenant.json_reader import JsonObject, require_distinct
from local_azure.tenant.principals import (
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

# The recommended audience: https://learn.microsoft.com/graph/api/resources/federatedidentitycredential
TOKEN_EXCHANGE = "api://AzureADTokenExchange"


def parse_application(entry: JsonObject) -> Application:
    """Parse a member of `applications`."""
    app = Application(
        name=entry.string("name"),
        client_id=entry.guid("client_id"),
        object_id=entry.guid("object_id"),
        app_id_uris=entry.strings("app_id_uris", (), like=r"[A-Za-z][\w.+-]*://\S+[^\s/]"),
        # Entra's default is version 1.
        token_version=entry.one_of("token_version", (1, 2, None), None) or 1,
        app_roles=entry.objects("app_roles", _parse_role),
        scopes=entry.objects("scopes", _parse_scope),
        assignment_required=entry.boolean("assignment_required", False),
        pre_authorized_clients=entry.guids("pre_authorized_clients"),
        optional_claims=entry.strings("optional_claims", (), like="idtyp"),
        secrets=entry.strings("secrets", ()),
        federated_credentials=entry.objects("federated_credentials", _parse_federated_credential),
    )
    require_distinct(
        (f"{entry.path_of('federated_credentials')}[{i}].name", one.name)
        for i, one in enumerate(app.federated_credentials)
    )
    permissions = [
        *(("app_roles", i, role.id, role.value) for i, role in enumerate(app.app_roles)),
        *(("scopes", i, scope.id, scope.value) for i, scope in enumerate(app.scopes)),
    ]
    require_distinct((f"{entry.path_of(kind)}[{i}].id", identifier) for kind, i, identifier, _ in permissions)
    for member in ("app_roles", "scopes"):
        require_distinct(
            (f"{entry.path_of(kind)}[{i}].value", value) for kind, i, _, value in permissions if kind == member
        )
    return app


def _parse_role(entry: JsonObject) -> AppRole:
    member_types = entry.strings("member_types", like="Application|User")
    if not member_types:
        raise entry.error("member_types", "is empty; write Application, User or both")
    return AppRole(entry.guid("id"), entry.string("value", like=_ROLE_VALUE), member_types)


def _parse_scope(entry: JsonObject) -> Scope:
    kind = entry.one_of("type", ("User", "Admin"), "User")
    return Scope(entry.guid("id"), entry.string("value", like=r"\S+"), kind == "Admin")


def _parse_federated_credential(entry: JsonObject) -> FederatedCredential:
    return FederatedCredential(
        name=entry.string("name"),
        issuer=entry.string("issuer", None, like=r"https://\S+"),
        subject=entry.string("subject"),
        audience=entry.string("audience", TOKEN_EXCHANGE),
    )


def parse_identity(entry: JsonObject) -> ManagedIdentity:
    """Parse a member of `managed_identities`."""
    return ManagedIdentity(
        name=entry.string("name"),
        client_id=entry.guid("client_id"),
        object_id=entry.guid("object_id"),
        resource_id=entry.string("resource_id", like=r"/subscriptions/\S+"),
        system_assigned=entry.one_of("kind", ("system", "user")) == "system",
    )


def parse_user(entry: JsonObject) -> User:
    """Parse a member of `users`."""
    return User(entry.string("name"), entry.guid("object_id"), entry.boolean("admin", False))


def group_parser(principals: Iterable[Principal]) -> Callable[[JsonObject], Group]:
    """Return the parser for `groups`, whose members are names of `principals`."""
    by_name = {principal.name: principal.object_id for principal in principals}

    def parse_group(entry: JsonObject) -> Group:
        return Group(entry.string("name"), entry.guid("object_id"), entry.references("members", by_name))

    return parse_group


def site_parser(identities: Iterable[ManagedIdentity]) -> Callable[[JsonObject], Site]:
    """Return the parser for `sites`, whose identities are names of `identities`."""
    by_name = {identity.name: identity for identity in identities}

    def parse_site(entry: JsonObject) -> Site:
        site = Site(
            entry.string("name"),
            entry.string("identity_header", like=r"[!-~]+"),
            entry.references("identities", by_name),
        )
        if sum(one.system_assigned for one in site.identities) > 1:
            raise entry.error("identities", "has more than one that is system-assigned")
        return site

    return parse_site
