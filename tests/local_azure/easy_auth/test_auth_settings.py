"""authsettingsV2: each rule allows and denies, and what infra/ declares is understood."""

import copy
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_azure.cloud import LocalAzure
from local_azure.easy_auth.auth_settings import read_auth_settings
from local_azure.easy_auth.policy import UnauthenticatedAction
from local_azure.serving.errors import StartError
from tests.support.apps import APP
from tests.support.bicep_deployment import Deployment
from tests.support.bicep_syntax import statements
from tests.support.easy_auth_proxy import call, easy_auth, echoing_app, principal, seen
from tests.support.forge import CALLER, CALLER_OBJECT, GONE, USER_OBJECT, Forge

API = "aad00002-c11d-4000-8000-000000000000"
TENANT = "10ca1000-0000-4000-8000-000000000000"
OTHER = "0ddba11c-0000-4000-8000-000000000000"
LOGIN = "https://login.microsoftonline.com"
REQUIRED = {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"}

MINIMAL: dict[str, Any] = {
    "globalValidation": REQUIRED,
    "identityProviders": {
        "azureActiveDirectory": {
            "registration": {"openIdIssuer": f"{LOGIN}/{TENANT}/v2.0", "clientId": API},
            "validation": {},
        }
    },
}


def settings(path: str = "", value: object = None) -> dict[str, Any]:
    """The smallest document with one member changed; `path` is, for example, `validation/allowedAudiences`."""
    document = copy.deepcopy(MINIMAL)
    if path:
        *parents, last = path.split("/")
        entry = document if path.startswith("globalValidation") else entra(document)
        for parent in filter(None, parents):
            entry = entry.setdefault(parent, {})
        entry[last] = value
    return document


def entra(document: dict[str, Any]) -> dict[str, Any]:
    return document["identityProviders"]["azureActiveDirectory"]


def read(folder: Path, document: object):
    file = folder / "auth.json"
    file.write_text(json.dumps(document))
    return read_auth_settings(file)


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    with echoing_app() as origin:
        yield origin


IDENTITIES = "validation/defaultAuthorizationPolicy/allowedPrincipals/identities"
GROUPS = "validation/defaultAuthorizationPolicy/allowedPrincipals/groups"
PRINCIPALS = "validation/defaultAuthorizationPolicy/allowedPrincipals"
APPLICATIONS = "validation/defaultAuthorizationPolicy/allowedApplications"
BOTH = "validation/defaultAuthorizationPolicy"
AUDIENCES = "validation/allowedAudiences"
ISSUER = "registration/openIdIssuer"
V1 = {"version": 1}

RULES = [
    ("the client ID is always an audience", AUDIENCES, ["api://other"], {"aud": API}, 200),
    ("another audience is allowed", AUDIENCES, ["api://other"], {"aud": "api://other"}, 200),
    ("an audience that is not listed", AUDIENCES, ["api://other"], {"aud": f"api://{API}"}, 401),
    ("an audience without a list", AUDIENCES, [], {"aud": f"api://{API}"}, 401),
    ("a version 2 token for a version 2 issuer", ISSUER, f"{LOGIN}/{TENANT}/v2.0", {}, 200),
    ("a version 1 token for a version 2 issuer", ISSUER, f"{LOGIN}/{TENANT}/v2.0", V1, 401),
    ("a version 1 token for a version 1 issuer", ISSUER, f"https://sts.windows.net/{TENANT}/", V1, 200),
    ("a version 1 token for the login page without a version", ISSUER, f"{LOGIN}/{TENANT}", V1, 200),
    ("a version 2 token for a version 1 issuer", ISSUER, f"https://sts.windows.net/{TENANT}/", {}, 401),
    ("another tenant for this tenant's issuer", ISSUER, f"{LOGIN}/{TENANT}/v2.0", {"iss": f"{LOGIN}/x/v2.0"}, 401),
    ("another tenant for a multi-tenant issuer", ISSUER, f"{LOGIN}/common/v2.0", {"iss": f"{LOGIN}/x/v2.0"}, 200),
    ("another tenant for organizations", ISSUER, f"{LOGIN}/organizations/v2.0", {"iss": f"{LOGIN}/x/v2.0"}, 200),
    ("an expired token for a multi-tenant issuer", ISSUER, f"{LOGIN}/common/v2.0", {"exp": 1_700_000_000}, 401),
    ("another audience for a multi-tenant issuer", ISSUER, f"{LOGIN}/common/v2.0", {"aud": OTHER}, 401),
    ("no issuer for a multi-tenant issuer", ISSUER, f"{LOGIN}/common/v2.0", {"iss": GONE}, 401),
    ("an allowed application", APPLICATIONS, [OTHER, CALLER], {}, 200),
    ("an allowed application in capitals", APPLICATIONS, [CALLER.upper()], {}, 200),
    ("another application", APPLICATIONS, [OTHER], {}, 403),
    ("the app itself, the portal's default", APPLICATIONS, [API], {}, 403),
    ("an object ID in the place of a client ID", APPLICATIONS, [CALLER_OBJECT], {}, 403),
    ("appid in a version 2 token", APPLICATIONS, [OTHER], {"appid": OTHER}, 403),
    ("no application is no restriction", APPLICATIONS, [], {}, 200),
    ("an allowed identity", IDENTITIES, [OTHER, CALLER_OBJECT], {}, 200),
    ("an allowed user", IDENTITIES, [USER_OBJECT], {"user": True}, 200),
    ("another identity", IDENTITIES, [OTHER], {}, 403),
    ("a client ID in the place of an object ID", IDENTITIES, [CALLER], {}, 403),
    ("a token without an object ID", IDENTITIES, [CALLER_OBJECT], {"oid": GONE}, 403),
    ("a member of an allowed group", GROUPS, [OTHER], {"groups": ["x", OTHER]}, 200),
    ("a member of another group", GROUPS, [OTHER], {"groups": ["x"]}, 403),
    ("a token without groups", GROUPS, [OTHER], {}, 403),
    ("groups that are no list", GROUPS, [OTHER], {"groups": OTHER}, 403),
    ("an identity or a group: the identity", PRINCIPALS, {"identities": [CALLER_OBJECT], "groups": [OTHER]}, {}, 200),
    ("an identity or a group: the group", PRINCIPALS, {"identities": [OTHER], "groups": ["g"]}, {"groups": ["g"]}, 200),
    ("an identity or a group: neither", PRINCIPALS, {"identities": [OTHER], "groups": ["g"]}, {"groups": ["h"]}, 403),
    (
        "application and identity: both",
        BOTH,
        {"allowedApplications": [CALLER], "allowedPrincipals": {"identities": [CALLER_OBJECT]}},
        {},
        200,
    ),
    (
        "application and identity: the application alone",
        BOTH,
        {"allowedApplications": [CALLER], "allowedPrincipals": {"identities": [OTHER]}},
        {},
        403,
    ),
]


@pytest.mark.parametrize(("why", "path", "value", "token", "status"), RULES, ids=[rule[0] for rule in RULES])
def test_each_rule_allows_and_denies(why, path, value, token, status, app, azure, forge: Forge, tmp_path: Path):
    found = read(tmp_path, settings(path, value))
    with easy_auth(azure, app, policy=found.policy, token_version=found.token_version) as front:
        response = call(front, forge.token(**({"aud": API} | token)))
    assert response.status_code == status
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


HTML = {"Accept": "text/html,*/*;q=0.8"}

WITHOUT_TOKEN = [
    ("Return401", REQUIRED, "/api", {}, 401),
    ("Return403", REQUIRED | {"unauthenticatedClientAction": "Return403"}, "/api", {}, 403),
    ("a browser is redirected", {"unauthenticatedClientAction": "RedirectToLoginPage"}, "/api?q=1", HTML, 302),
    ("another client is not redirected", {"unauthenticatedClientAction": "RedirectToLoginPage"}, "/api", {}, 401),
    ("AllowAnonymous", {"unauthenticatedClientAction": "AllowAnonymous"}, "/api", {}, 200),
    (
        "AllowAnonymous, and another scheme",
        {"unauthenticatedClientAction": "AllowAnonymous"},
        "/",
        {"A": "Basic x"},
        200,
    ),
    ("not required", REQUIRED | {"requireAuthentication": False}, "/api", {}, 200),
    ("an excluded path", REQUIRED | {"excludedPaths": ["/health"]}, "/health", {}, 200),
    ("an excluded path with a query", REQUIRED | {"excludedPaths": ["/health"]}, "/health?x=1", {}, 200),
    ("below an excluded path", REQUIRED | {"excludedPaths": ["/health"]}, "/health/more", {}, 401),
    ("beside an excluded path", REQUIRED | {"excludedPaths": ["/health"]}, "/healthy", {}, 401),
    ("an excluded path in capitals", REQUIRED | {"excludedPaths": ["/health"]}, "/HEALTH", {}, 401),
    ("below an excluded folder", REQUIRED | {"excludedPaths": ["/x", "/public/*"]}, "/public/a/b", {}, 200),
    ("beside an excluded folder", REQUIRED | {"excludedPaths": ["/public/*"]}, "/publicity", {}, 401),
    ("out of an excluded folder", REQUIRED | {"excludedPaths": ["/public/*"]}, "/public/../api", {}, 401),
    ("out of an excluded folder, encoded", REQUIRED | {"excludedPaths": ["/public/*"]}, "/public/%2e%2e/api", {}, 401),
    (
        "out of an excluded folder, slash",
        REQUIRED | {"excludedPaths": ["/public/*"]},
        "/public/..%2fapi",
        {},
        401,
    ),
]


def send_raw(front: str, path: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
    """Send a path as it is: requests would normalize it."""
    connection = http.client.HTTPConnection(front.removeprefix("http://"), timeout=10)
    headers = {"Authorization" if name == "A" else name: value for name, value in headers.items()}
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.getheader("Location", ""), body


@pytest.mark.parametrize(
    ("why", "value", "path", "headers", "status"), WITHOUT_TOKEN, ids=[case[0] for case in WITHOUT_TOKEN]
)
def test_request_without_a_token(why, value, path, headers, status, app, azure: LocalAzure, tmp_path: Path):
    policy = read(tmp_path, settings("globalValidation", value)).policy
    forged = {**headers, "X-MS-CLIENT-PRINCIPAL": "forged"}
    with easy_auth(azure, app, policy=policy) as front:
        found, location, body = send_raw(front, path, forged)
    assert found == status
    assert location == ("/.auth/login/aad?post_login_redirect_uri=%2Fapi%3Fq%3D1" if status == 302 else "")
    if status == 200:
        names = [name.lower() for name, _ in json.loads(body)["headers"]]
        assert not [name for name in names if name.startswith("x-ms-")]
        assert json.loads(body)["target"].startswith(path.partition("?")[0])


@pytest.mark.parametrize("action", [action.value for action in UnauthenticatedAction])
def test_invalid_token_is_401_with_every_action(action, app, azure: LocalAzure, forge: Forge, tmp_path: Path):
    found = {"unauthenticatedClientAction": action, "excludedPaths": ["/health"]}
    policy = read(tmp_path, settings("globalValidation", found)).policy
    with easy_auth(azure, app, policy=policy) as front:
        for path in ("/api", "/health"):
            assert call(front + path, forge.token(aud=OTHER)).status_code == 401
            response = call(front + path, forge.token(aud=API))
            assert (response.status_code, principal(response)["auth_typ"]) == (200, "aad")
            assert "x-ms-client-principal-id" in seen(response)


def test_sign_in_pages_say_that_they_are_not_emulated(app, azure: LocalAzure):
    with easy_auth(azure, app) as front:
        response = call(f"{front}/.auth/login/aad", None)
    assert (response.status_code, response.text[:37]) == (404, "local_azure does not emulate sign-in.")


def declared_by_infra() -> dict[str, Any]:
    """authsettingsV2 of infra/, as the module declares it for these identities and audiences."""
    parameters = {
        "siteName": "aad-func",
        "enabled": True,
        "issuer": f"{LOGIN}/{TENANT}/v2.0",
        "clientId": API,
        "allowedAudiences": [API, f"api://{API}"],
        "allowedPrincipals": [CALLER_OBJECT],
        "allowedApplications": [],
    }
    module = APP / "infra" / "modules" / "easy-auth.bicep"
    declared = {each.name for each in statements(module) if each.kind == "param"}
    deployment = Deployment(module, {name: value for name, value in parameters.items() if name in declared})
    (found,) = [each for each in deployment.resources if each.name.endswith("authsettingsV2")]
    return found.body["properties"]


@pytest.mark.parametrize(
    ("why", "token", "status"),
    [
        ("the identity that infra/ allows", {}, 200),
        ("its token with the App ID URI as audience", {"aud": f"api://{API}"}, 200),
        ("another identity", {"oid": OTHER, "sub": OTHER}, 403),
        ("another API", {"aud": OTHER}, 401),
        ("another tenant", {"iss": f"{LOGIN}/{OTHER}/v2.0"}, 401),
        ("no token", None, 401),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_infra_declares_is_enforced(why, token, status, app, azure: LocalAzure, forge: Forge, tmp_path: Path):
    resource = {"type": "Microsoft.Web/sites/config", "name": "authsettingsV2", "properties": declared_by_infra()}
    found = read(tmp_path, resource)
    assert (found.client_id, found.tenant_id, found.token_version) == (API, TENANT, 2)
    with easy_auth(azure, app, policy=found.policy, token_version=found.token_version) as front:
        response = call(front, None if token is None else forge.token(**token))
    assert response.status_code == status


def test_nulls_of_azure_resource_manager_are_missing_members(tmp_path: Path):
    document = settings()
    entra(document)["validation"] = {
        "allowedAudiences": None,
        "defaultAuthorizationPolicy": {"allowedPrincipals": None},
    }
    document["globalValidation"] |= {"excludedPaths": None, "redirectToProvider": None}
    document |= {"login": {"tokenStore": {"enabled": True}}, "httpSettings": None}
    assert read(tmp_path, {"properties": document}).policy == read(tmp_path, settings()).policy


INVALID = [
    ("off", {"platform": {"enabled": False}, **MINIMAL}, "platform.enabled is false, so that App Service does"),
    ("no provider", {"globalValidation": REQUIRED}, "registration.clientId is missing"),
    (
        "a provider that is off",
        settings("/enabled", False),
        "azureActiveDirectory.enabled is false, so that App Service",
    ),
    ("no list", settings(IDENTITIES, "x"), "identities must be a list of non-empty strings"),
    (
        "a misspelled rule",
        settings(PRINCIPALS, {"identites": []}),
        "identites is unknown. Known members: groups, id",
    ),
    ("a misspelled policy", settings(BOTH, {"allowedPrincipal": {}}), "allowedPrincipal is unknown. Known members:"),
    (
        "a rule that is not emulated",
        settings("validation/jwtClaimChecks", {"allowedGroups": ["x"]}),
        "allowedGroups is unknown",
    ),
    ("an unknown action", settings("globalValidation/unauthenticatedClientAction", "Deny"), "must be one of AllowAnon"),
    ("no issuer", settings(ISSUER, ""), "openIdIssuer must be a non-empty string"),
    ("an issuer without a tenant", settings(ISSUER, LOGIN), "openIdIssuer must be an issuer such as https://login"),
    ("an issuer over http", settings(ISSUER, f"http://x/{TENANT}/v2.0"), "openIdIssuer must be an issuer such as"),
    (
        "an expression",
        settings(AUDIENCES, ["[parameters('x')]"]),
        "allowedAudiences[0] must be a value, not an expression of an ARM",
    ),
    (
        "an expression",
        settings("registration/clientId", "[variables('x')]"),
        "clientId must be a value, not an expression of an ARM",
    ),
    ("a list", [], "the file must be a JSON object"),
]


@pytest.mark.parametrize(("why", "document", "message"), INVALID, ids=[case[0] for case in INVALID])
def test_invalid_document_is_an_error_that_names_the_member(why, document, message, tmp_path: Path):
    with pytest.raises(StartError) as caught:
        read(tmp_path, document)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'auth.json'}: ")


def test_missing_file_is_an_error(tmp_path: Path):
    with pytest.raises(StartError, match=r"none\.json: cannot be read \(No such file or directory\)"):
        read_auth_settings(tmp_path / "none.json")
