"""Load a directory from a tenant file. local_azure/README.md documents the file format."""

from pathlib import Path

from local_azure.tenant.directory import Directory
from local_azure.tenant.entry_parsers import (
    group_parser,
    parse_application,
    parse_identity,
    parse_user,
    site_parser,
)
from local_azure.tenant.grants import Assignment, Consent, MfaPolicy
from local_azure.tenant.json_reader import JsonObject, TenantFileError, read_json_object, require_distinct
from local_azure.tenant.principals import Application, Group, User, member_type

DEFAULT_TENANT_FILE = Path(__file__).parents[1] / "tenant.json"


def load(path: Path = DEFAULT_TENANT_FILE) -> Directory:
    """Load a tenant file. Raises TenantFileError, which names the file, the member and the reason."""
    try:
        return _parse_directory(read_json_object(path))
    except TenantFileError as error:
        raise TenantFileError(f"{path}: {error}") from None


def _parse_directory(file: JsonObject) -> Directory:
    applications = file.objects("applications", parse_application)
    identities = file.objects("managed_identities", parse_identity)
    users = file.objects("users", parse_user)
    directory = Directory(
        tenant_id=file.guid("tenant_id"),
        name=file.string("name"),
        applications=applications,
        sites=file.objects("sites", site_parser(identities)),
        identities=identities,
        users=users,
        groups=file.objects("groups", group_parser([*applications, *identities, *users])),
    )
    if not directory.sites:
        raise file.error("sites", "must contain at least one site")
    _require_distinct_names(directory)
    directory.assignments.extend(file.objects("assignments", lambda entry: _parse_assignment(entry, directory)))
    directory.consents = file.objects("consents", lambda entry: _parse_consent(entry, directory))
    directory.mfa_policies = file.objects("mfa_policies", lambda entry: _parse_mfa_policy(entry, directory))
    file.reject_unknown_members()
    return directory


def _require_distinct_names(directory: Directory) -> None:
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
        require_distinct((f"{path}.{name}", getattr(entry, name)) for path, entry in entries)
    require_distinct(
        (f"{path}.app_id_uris[{index}]", uri)
        for path, app in apps
        for index, uri in enumerate(getattr(app, "app_id_uris", ()))
    )


def _parse_assignment(entry: JsonObject, directory: Directory) -> Assignment:
    api = _application(entry, "application", directory)
    principal = next((one for one in directory.principals() if one.name == entry.string("principal")), None)
    if principal is None:
        raise entry.error("principal", "must be the name of an application, identity, user or group")
    role = api.role(entry.string("role"))
    if role is None:
        raise entry.error("role", f"must be an app role of {api.name}")
    if member_type(principal) not in role.member_types:
        raise entry.error("role", f"must be an app role for members of type {member_type(principal)}")
    return Assignment(principal.object_id, api.object_id, role.id)


def _parse_consent(entry: JsonObject, directory: Directory) -> Consent:
    client = _application(entry, "client", directory)
    api = _application(entry, "application", directory)
    scopes = entry.strings("scopes")
    for index, value in enumerate(scopes):
        if value not in (scope.value for scope in api.scopes):
            raise entry.error(f"scopes[{index}]", f"must be a scope of {api.name}")
    name = entry.string("user", None)
    user = directory.user(name) if name else None
    if name and user is None:
        raise entry.error("user", "must be the name of a user")
    return Consent(client.client_id, api.object_id, scopes, user.object_id if user else None)


def _parse_mfa_policy(entry: JsonObject, directory: Directory) -> MfaPolicy:
    api = _application(entry, "application", directory)
    name = entry.string("principal")
    people: list[User | Group] = [*directory.users, *directory.groups]
    principal = next((one for one in people if one.name == name), None)
    if principal is None:
        raise entry.error("principal", "must be the name of a user or group")
    return MfaPolicy(entry.guid("id"), principal.object_id, api.object_id)


def _application(entry: JsonObject, member: str, directory: Directory) -> Application:
    app = directory.application(entry.string(member))
    if app is None:
        raise entry.error(member, "must be the name of an application")
    return app
