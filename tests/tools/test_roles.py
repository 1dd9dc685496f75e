"""python -m tools.roles with the local Graph: list, assign, revoke, and errors with a remedy."""

import dataclasses
import json
import shlex

import pytest

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support.scripted import Reply, Scripted, as_json, http, in_turn
from tests.support.tool import Ended, run

API = "aad00002-0b1d-4000-8000-000000000000"
STAGING = "1de00002-0b1d-4000-8000-000000000000"


@pytest.fixture
def directory(local_azure: LocalTenant, local_azure_server: LocalAzure) -> LocalAzure:
    """The tenant, for tests that change it. `local_azure` undoes their changes."""
    return local_azure_server


def roles(azure: LocalAzure, *arguments: str, site: str = "deployment") -> Ended:
    return run("roles", *arguments, settings=azure.environment(site))


def holders(azure: LocalAzure) -> set[str]:
    return {entry.principal_id for entry in azure.directory.assignments if entry.resource_id == API}


def test_list_shows_the_principals_with_a_role(directory: LocalAzure):
    ended = roles(directory, "list", "--api", "aad-func")
    assert ended.code == 0
    for words in (["developers", "Group"], ["msi-func", "ServicePrincipal"], ["nightly-job", "ServicePrincipal"]):
        assert any(line.split()[:2] == words and line.split()[-1] == "DoAll" for line in ended.out.splitlines())
    assert "eyJ" not in ended.out + ended.err


APIS = ["aad-func", "aad00002-c11d-4000-8000-000000000000", API, "api://aad00002-c11d-4000-8000-000000000000"]
PRINCIPALS = [
    ("msi-func/slots/staging", STAGING),
    (STAGING, STAGING),
    ("1de00002-c11d-4000-8000-000000000000", STAGING),
    ("1DE00002-0B1D-4000-8000-000000000000", STAGING),
    ("visitor@local.example", "05e50002-0b1d-4000-8000-000000000000"),
]


@pytest.mark.parametrize("api", APIS)
def test_api_is_found_by_all_its_names(api, directory: LocalAzure):
    assert "Who may call aad-func" in roles(directory, "list", "--api", api).out


@pytest.mark.parametrize(("name", "object_id"), PRINCIPALS)
def test_assign_and_revoke_are_idempotent_for_all_names_of_a_principal(name, object_id, directory: LocalAzure):
    before = holders(directory)
    first = roles(directory, "assign", "--api", "aad-func", "--identity", name)
    assert (first.code, holders(directory) - before) == (0, {object_id})
    again = roles(directory, "assign", "--api", "aad-func", "--identity", name)
    assert (again.code, "already" in again.out) == (0, True)
    revoked = roles(directory, "revoke", "--api", "aad-func", "--identity", name)
    assert (revoked.code, holders(directory)) == (0, before)
    assert roles(directory, "revoke", "--api", "aad-func", "--identity", name).code == 0


def test_dry_run_changes_nothing_and_prints_a_line_for_az(directory: LocalAzure):
    before = holders(directory)
    ended = roles(directory, "assign", "--api", "aad-func", "--identity", STAGING, "--dry-run")
    assert (ended.code, holders(directory)) == (0, before)
    line = shlex.split(ended.out.splitlines()[-1])
    assert line[:2] == ["az", "rest"]
    options = dict(zip(line[2::2], line[3::2], strict=True))
    assert options["--method"] == "POST"
    assert options["--url"].endswith(f"/v1.0/servicePrincipals/{API}/appRoleAssignedTo")
    role = "aad00002-d0a1-4000-8000-000000000000"
    assert json.loads(options["--body"]) == {"principalId": STAGING, "resourceId": API, "appRoleId": role}

    ended = roles(directory, "revoke", "--api", "aad-func", "--identity", "msi-func", "--dry-run")
    assert (ended.code, holders(directory)) == (0, before)
    assert ended.out.startswith("DELETE https://")


REJECTED = [
    ("an unknown API", ("list", "--api", "unknown"), "no service principal named unknown"),
    ("an unknown identity", ("assign", "--api", "aad-func", "--identity", "unknown"), "user or group named unknown"),
    (
        "an unknown role",
        ("assign", "--api", "aad-func", "--identity", "msi-func", "--role", "X"),
        "Existing app roles: DoAll",
    ),
    (
        "a role for applications only",
        ("assign", "--api", "Microsoft Graph", "--identity", "developers", "--role", "Directory.Read.All"),
        "cannot be assigned to developers (group)",
    ),
    ("a quote in a name", ("list", "--api", "o'brien' or displayName eq 'aad-func"), "no service principal named"),
]


@pytest.mark.parametrize(("why", "arguments", "message"), REJECTED, ids=[case[0] for case in REJECTED])
def test_error_is_one_sentence(why, arguments, message, directory: LocalAzure):
    ended = roles(directory, *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert message in ended.err


def test_missing_permission_is_named(directory: LocalAzure):
    ended = roles(directory, "list", "--api", "aad-func", site="msi-func")
    assert ended.code == 1
    assert "Application.Read.All" in ended.err

    assignments = directory.directory.assignments
    write = next(app for app in directory.directory.applications if app.name == "Microsoft Graph").role(
        "AppRoleAssignment.ReadWrite.All"
    )
    assert write is not None
    assignments[:] = [entry for entry in assignments if entry.role_id != write.id]
    ended = roles(directory, "assign", "--api", "aad-func", "--identity", STAGING)
    assert ended.code == 1
    assert "AppRoleAssignment.ReadWrite.All" in ended.err


def scripted(respond: object, azure: LocalAzure, *arguments: str) -> tuple[Ended, Scripted]:
    """Run the tool with a Graph that sends these responses, and with a real token for it."""
    with Scripted(respond) as graph:  # type: ignore[arg-type]
        settings = {**azure.environment("deployment"), "MICROSOFT_GRAPH_URL": graph.origin}
        return run("roles", *arguments, settings=settings), graph


def page(*entries: dict[str, object], **more: object) -> Reply:
    return as_json(200, {"value": entries, **more})


def test_ambiguous_name_lists_the_candidates(local_azure_server: LocalAzure):
    twins = [
        {"id": f"{n}0000000-0000-4000-8000-000000000000", "displayName": "twin", "appId": f"app-{n}"} for n in (1, 2)
    ]
    ended, _ = scripted(lambda request: page(*twins), local_azure_server, "list", "--api", "twin")
    assert (ended.code, ended.out) == (1, "")
    assert "Use the object ID" in ended.err
    assert "app-1" in ended.err
    assert "app-2" in ended.err


def test_all_pages_are_read_and_none_from_another_host(local_azure_server: LocalAzure):
    api = {"id": API, "displayName": "aad-func", "appId": "x", "appRoles": []}
    given = {"id": "1", "principalId": API, "principalDisplayName": "first", "principalType": "User", "appRoleId": API}
    with Scripted(lambda request: http(500)) as graph:
        pages = in_turn(
            page(api),
            page(given, **{"@odata.nextLink": f"{graph.origin}/v1.0/next"}),
            page({**given, "principalDisplayName": "second"}),
        )
        graph.answer = pages
        settings = {**local_azure_server.environment("deployment"), "MICROSOFT_GRAPH_URL": graph.origin}
        ended = run("roles", "list", "--api", "aad-func", settings=settings)
        assert "first" in ended.out
        assert "second" in ended.out

        graph.answer = in_turn(page(api), page(given, **{"@odata.nextLink": "http://127.0.0.1:9/v1.0/next"}))
        ended = run("roles", "list", "--api", "aad-func", settings=settings)
    assert (ended.code, ended.out) == (3, "")
    assert "not a URL of Microsoft Graph" in ended.err


def test_throttled_request_to_graph_is_retried(local_azure_server: LocalAzure):
    api = {"id": API, "displayName": "aad-func", "appId": "x", "appRoles": []}
    responses = in_turn(as_json(429, {}, Retry_After="0"), page(api), page())
    ended, graph = scripted(responses, local_azure_server, "list", "--api", "aad-func")
    assert (ended.code, len(graph.requests)) == (0, 3)
    assert "nobody" in ended.out


GRAPHS = [
    ("down", None, 3, "did not respond"),
    ("HTML", http(200, b"<html>"), 3, "not Microsoft Graph"),
    ("a list instead of an object", as_json(200, []), 3, "not Microsoft Graph"),
    ("an error status with HTML", http(500, b"<html>"), 3, "Microsoft Graph returned 500"),
    ("an object ID that is a path", as_json(200, {"value": [{"id": "../users"}]}), 3, "id is not a GUID"),
    ("a list of strings", as_json(200, {"value": ["x"]}), 3, "no list of objects"),
    (
        "a next page that is a number",
        as_json(200, {"value": [], "@odata.nextLink": 1}),
        3,
        "not a URL of Microsoft Graph",
    ),
    ("a terminal sequence", as_json(400, {"error": {"message": "\x1b[2Jok"}}), 1, "\\x1b[2Jok"),
    (
        "an error message of Graph",
        as_json(400, {"error": {"code": "X", "message": "Invalid request."}}),
        1,
        "Invalid request.",
    ),
    ("a rejected token", as_json(401, {"error": {"code": "InvalidAuthenticationToken"}}), 1, "az login"),
]


@pytest.mark.parametrize(("why", "reply", "code", "message"), GRAPHS, ids=[case[0] for case in GRAPHS])
def test_failure_of_graph_is_one_sentence(why, reply, code, message, local_azure_server: LocalAzure):
    if reply is None:
        settings = {**local_azure_server.environment("deployment"), "MICROSOFT_GRAPH_URL": "http://127.0.0.1:9"}
        ended = run("roles", "list", "--api", "aad-func", settings=settings)
    else:
        ended, _ = scripted(lambda request: reply, local_azure_server, "list", "--api", "aad-func")
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err


@pytest.mark.parametrize(
    "url", ["http://graph.example", "https://graph.example", "https://graph.microsoft.com.example", "https://x@[::1]/"]
)
def test_token_is_sent_to_known_hosts_and_loopback_only(url, local_azure_server: LocalAzure):
    for setting, arguments in (({}, ("--graph", url)), ({"MICROSOFT_GRAPH_URL": url}, ())):
        settings = {**local_azure_server.environment("deployment"), **setting}
        ended = run("roles", "list", "--api", "aad-func", *arguments, settings=settings)
        assert (ended.code, ended.out) == (2, "")
        assert "--graph is" in ended.err


def make_users_unreadable(directory: LocalAzure) -> None:
    """Reduce the read permission of the deployment's identity to applications."""
    graph = next(app for app in directory.directory.applications if app.name == "Microsoft Graph")
    ids = {name: graph.role(name).id for name in ("Directory.Read.All", "Application.Read.All")}
    for number, entry in enumerate(directory.directory.assignments):
        if entry.role_id == ids["Directory.Read.All"]:
            directory.directory.assignments[number] = dataclasses.replace(entry, role_id=ids["Application.Read.All"])


def test_name_is_rejected_if_a_user_or_group_could_have_it(directory: LocalAzure):
    """A member of the tenant can register an application with the display name of a user."""
    make_users_unreadable(directory)
    before = holders(directory)
    ended = roles(directory, "assign", "--api", "aad-func", "--identity", "msi-func/slots/staging")
    assert (ended.code, ended.out, holders(directory)) == (1, "", before)
    assert "Users and groups cannot be read" in ended.err
    assert "Use the object ID" in ended.err
    ended = roles(directory, "assign", "--api", "aad-func", "--identity", STAGING)
    assert (ended.code, holders(directory) - before) == (0, {STAGING})


def test_application_of_another_tenant_is_not_found_by_name(local_azure_server: LocalAzure):
    foreign = "f0000000-0000-4000-8000-000000000000"
    twin = {"id": API, "displayName": "aad-func", "appId": "x", "appOwnerOrganizationId": foreign}
    ended, _ = scripted(lambda request: page(twin), local_azure_server, "list", "--api", "aad-func")
    assert (ended.code, ended.out) == (1, "")
    assert f"registered in tenant {foreign}" in ended.err


def test_kind_object_id_and_owner_are_printed_before_a_change(directory: LocalAzure):
    ended = roles(directory, "assign", "--api", "aad-func", "--identity", "msi-func/slots/staging", "--dry-run")
    assert f"aad-func: application {API}, of this tenant" in ended.err
    assert f"msi-func/slots/staging: managed identity {STAGING}, of this tenant" in ended.err


def test_list_and_revoke_distinguish_roles_from_the_setting(directory: LocalAzure):
    setting = {"AAD_FUNC_ROLE_ASSIGNMENTS": f"DoAll={STAGING}"}
    settings = {**directory.environment("deployment"), **setting}
    ended = run("roles", "list", "--api", "aad-func", settings=settings)
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["ServicePrincipal", STAGING, "AAD_FUNC_ROLE_ASSIGNMENTS", "DoAll"] in lines
    assert any(line[0] == "msi-func" and line[-2:] == ["Entra", "DoAll"] for line in lines if line)
    other = {**settings, "AAD_FUNC_CLIENT_ID": STAGING}
    assert STAGING not in run("roles", "list", "--api", "aad-func", settings=other).out
    ended = run("roles", "revoke", "--api", "aad-func", "--identity", STAGING, settings=settings)
    assert f"Remove {STAGING} from the setting" in ended.out
