"""Parsers for the principals and sites in a tenant file. local_azure/README.md documents the file format."""

from collections.abc import Callable, Iterable

from local_azure.tenant.json_reader import Format, JsonObject, require_distinct
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

# https://learn.microsoft.com/graph/api/resources/approle
_ROLE_VALUE = Format(
    r"[^\s.]\S{0,119}",
    "an app role value of at most 120 characters without white space or a leading dot",
    "app role values",
)
_SCOPE_VALUE = Format(r"\S+", "a scope value without white space", "scope values")
# Only App ID URIs of Microsoft's own applications end with a slash.
_APP_ID_URI = Format(
    r"[A-Za-z][\w.+-]*://\S+[^\s/]|https://[^\s/]+/",
    "an App ID URI such as api://orders",
    "App ID URIs such as api://orders",
)
_OPTIONAL_CLAIM = Format("idtyp", "idtyp", "emulated optional claims (idtyp)")
_MEMBER_TYPE = Format("Application|User", "Application or User", "member types (Application, User)")
_ISSUER = Format(r"https://\S+", "an https URL", "https URLs")
_RESOURCE_ID = Format(
    r"/subscriptions/\S+", "an Azure resource ID, which starts with /subscriptions/", "Azure resource IDs"
)
_HEADER = Format(r"[!-~]+", "a string of printable ASCII characters without spaces", "ASCII strings")

# The audience that Microsoft recommends: https://learn.microsoft.com/graph/api/resources/federatedidentitycredential
TOKEN_EXCHANGE = "api://AzureADTokenExchange"


def parse_application(entry: JsonObject) -> Application:
    """Parse a member of `applications`."""
    app = Application(
        name=entry.string("name"),
        client_id=entry.guid("client_id"),
        object_id=entry.guid("object_id"),
        app_id_uris=entry.strings("app_id_uris", (), like=_APP_ID_URI),
        # Entra's default is version 1.
        token_version=entry.one_of("token_version", (1, 2, None), None) or 1,
        app_roles=entry.objects("app_roles", _parse_role),
        scopes=entry.objects("scopes", _parse_scope),
        assignment_required=entry.boolean("assignment_required", False),
        pre_authorized_clients=entry.guids("pre_authorized_clients"),
        optional_claims=entry.strings("optional_claims", (), like=_OPTIONAL_CLAIM),
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
    member_types = entry.strings("member_types", like=_MEMBER_TYPE)
    if not member_types:
        raise entry.error("member_types", "must contain Application, User or both")
    return AppRole(entry.guid("id"), entry.string("value", like=_ROLE_VALUE), member_types)


def _parse_scope(entry: JsonObject) -> Scope:
    kind = entry.one_of("type", ("User", "Admin"), "User")
    return Scope(entry.guid("id"), entry.string("value", like=_SCOPE_VALUE), kind == "Admin")


def _parse_federated_credential(entry: JsonObject) -> FederatedCredential:
    return FederatedCredential(
        name=entry.string("name"),
        issuer=entry.string("issuer", None, like=_ISSUER),
        subject=entry.string("subject"),
        audience=entry.string("audience", TOKEN_EXCHANGE),
    )


def parse_identity(entry: JsonObject) -> ManagedIdentity:
    """Parse a member of `managed_identities`."""
    return ManagedIdentity(
        name=entry.string("name"),
        client_id=entry.guid("client_id"),
        object_id=entry.guid("object_id"),
        resource_id=entry.string("resource_id", like=_RESOURCE_ID),
        system_assigned=entry.one_of("kind", ("system", "user")) == "system",
    )


def parse_user(entry: JsonObject) -> User:
    """Parse a member of `users`."""
    return User(entry.string("name"), entry.guid("object_id"), entry.boolean("admin", False))


def group_parser(principals: Iterable[Principal]) -> Callable[[JsonObject], Group]:
    """Return a parser for `groups`. The members of a group must be names of `principals`."""
    by_name = {principal.name: principal.object_id for principal in principals}

    def parse_group(entry: JsonObject) -> Group:
        return Group(entry.string("name"), entry.guid("object_id"), entry.references("members", by_name))

    return parse_group


def site_parser(identities: Iterable[ManagedIdentity]) -> Callable[[JsonObject], Site]:
    """Return a parser for `sites`. A site can use only these `identities`."""
    by_name = {identity.name: identity for identity in identities}

    def parse_site(entry: JsonObject) -> Site:
        site = Site(
            entry.string("name"),
            entry.string("identity_header", like=_HEADER),
            entry.references("identities", by_name),
        )
        if sum(one.system_assigned for one in site.identities) > 1:
            raise entry.error("identities", "must not contain more than one system-assigned identity")
        return site

    return parse_site
