"""Tenant files: errors name the member and the reason."""

import json
from pathlib import Path

import pytest

from local_azure.tenant.json_reader import TenantFileError
from local_azure.tenant.loader import DEFAULT_TENANT_FILE, load
from tests.support.tenant_requests import MISSING, changed_tenant_file

TENANT = json.loads(DEFAULT_TENANT_FILE.read_text("utf-8"))


INVALID = [
    ("tenant_id", "nobody", "tenant_id must be a lowercase GUID"),
    ("tenant_id", MISSING, "tenant_id is missing"),
    ("users", {}, "users must be a list"),
    ("users/0", "me", "users[0] must be a JSON object"),
    ("users/0/nmae", "me", "users[0].nmae is unknown. Known members: admin, name, object_id"),
    (
        "users/1/name",
        "DEVELOPER@local.example",
        "users[1].name must not have the same value as users[0].name: DEVELOPER@local.example",
    ),
    ("users/0/admin", "yes", "users[0].admin must be true or false"),
    (
        "groups/0/members/1",
        "ghost",
        "groups[0].members[1] must be the name of an entry in the file: ghost is unknown",
    ),
    (
        "sites/0/identities/0",
        "ghost",
        "sites[0].identities[0] must be the name of an entry in the file: ghost is unknown",
    ),
    (
        "sites/1/identity_header",
        "local-only-msi-func",
        "sites[1].identity_header must not have the same value as sites[0].identity_header: local-only-msi-func",
    ),
    ("sites/1/identity_header", "a\0b", "sites[1].identity_header must be a string of printable ASCII"),
    ("sites/1/identity_header", " x", "sites[1].identity_header must be a string of printable ASCII"),
    ("sites/1/identity_header", "日本", "sites[1].identity_header must be a string of printable ASCII"),
    (
        "sites/0/identities",
        ["msi-func", "msi-func/slots/staging"],
        "sites[0].identities must not contain more than one",
    ),
    ("managed_identities/0/kind", "both", "managed_identities[0].kind must be one of system, user"),
    (
        "managed_identities/0/client_id",
        "dae00001-c11d-4000-8000-000000000000",
        "managed_identities[0].client_id must not",
    ),
    ("applications/1/token_version", True, "applications[1].token_version must be one of 1, 2, null"),
    ("applications/1/token_version", 3, "applications[1].token_version must be one of 1, 2, null"),
    ("applications/1/app_id_uris/0", "aad-func", "applications[1].app_id_uris must be a list of App ID URIs such as"),
    ("applications/1/app_id_uris/0", "https://GRAPH.microsoft.com", "applications[1].app_id_uris[0] must not"),
    ("applications/1/app_roles/0/value", "Do all", "applications[1].app_roles[0].value must be an app role value"),
    ("applications/1/app_roles/0/member_types", ["Group"], "applications[1].app_roles[0].member_types must be a list"),
    ("applications/1/app_roles/0/member_types", [], "applications[1].app_roles[0].member_types must contain Appl"),
    ("applications/1/scopes/0/id", "aad00002-d0a1-4000-8000-000000000000", "applications[1].scopes[0].id must not"),
    ("applications/1/optional_claims", ["groups"], "applications[1].optional_claims must be a list of emulated"),
    (
        "applications/4/federated_credentials/0/subject",
        MISSING,
        "applications[4].federated_credentials[0].subject is missing",
    ),
    (
        "applications/4/federated_credentials/0/issuer",
        "http://x",
        "applications[4].federated_credentials[0].issuer must be an https URL",
    ),
    ("consents/0/client", "ghost", "consents[0].client must be the name of an application"),
    ("consents/0/application", "ghost", "consents[0].application must be the name of an application"),
    ("consents/0/scopes/0", "other", "consents[0].scopes[0] must be a scope of aad-func"),
    ("consents/0/user", "ghost", "consents[0].user must be the name of a user"),
    ("mfa_policies/0/principal", "msi-func", "mfa_policies[0].principal must be the name of a user or group"),
    ("assignments/0/principal", "ghost", "assignments[0].principal must be the name of an application, identity"),
    ("assignments/0/application", "ghost", "assignments[0].application must be the name of an application"),
    ("assignments/0/role", "DoNothing", "assignments[0].role must be an app role of aad-func"),
    (
        "applications/1/app_roles/0/member_types",
        ["User"],
        "assignments[0].role must be an app role for members of type Appl",
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "message"), INVALID, ids=[f"{path}: {message[:40]}" for path, _, message in INVALID]
)
def test_error_names_the_member_and_the_reason(path: str, value: object, message: str, tmp_path: Path):
    file = changed_tenant_file(tmp_path, path, value)
    with pytest.raises(TenantFileError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not valid JSON (line 1"),
        (b"[]", "the file must be a JSON object"),
        (b"\xff", "is not valid UTF-8"),
        (b"[" * 100_000, "is nested too deeply"),
        (
            b'{"sites": [{"name": "a", "sort": 1, "name": "b"}]}',
            "the member name is repeated in the object with the members name, sort",
        ),
        (b'{"a": ' + b"9" * 5000 + b"}", "cannot be read (Exceeds the limit"),
    ],
)
def test_file_that_is_not_a_tenant_is_an_error_that_names_it(content: bytes, message: str, tmp_path: Path):
    file = tmp_path / "tenant.json"
    file.write_bytes(content)
    with pytest.raises(TenantFileError, match=r"tenant.json: ") as caught:
        load(file)
    assert message in str(caught.value)


def test_missing_file_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(TenantFileError, match="cannot be read"):
        load(tmp_path / "none.json")


def test_comments_may_be_repeated(tmp_path: Path):
    (tmp_path / "tenant.json").write_text(DEFAULT_TENANT_FILE.read_text("utf-8").replace("{", '{"//": "a", ', 1))
    assert load(tmp_path / "tenant.json").name == load().name


def test_messages_contain_no_regular_expression(tmp_path: Path):
    for path, value, _ in INVALID:
        with pytest.raises(TenantFileError) as caught:
            load(changed_tenant_file(tmp_path, path, value))
        assert not set(r"\^*+?{}|") & set(str(caught.value).partition(".json: ")[2]), caught.value
