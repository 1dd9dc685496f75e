"""Easy Auth's authorization policy: each rule allows and denies."""

import http.client
import json
import posixpath
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from local_azure.cloud import LocalAzure
from local_azure.easy_auth.policy import AuthPolicy, UnauthenticatedAction
from tests.local_azure.easy_auth.auth_documents import (
    API,
    APPLICATIONS,
    AUDIENCES,
    BOTH,
    GROUPS,
    IDENTITIES,
    ISSUER,
    LOGIN,
    OTHER,
    PRINCIPALS,
    REQUIRED,
    TENANT,
    read,
    settings,
)
from tests.support.easy_auth_proxy import call, easy_auth
from tests.support.forge import CALLER, CALLER_OBJECT, GONE, USER_OBJECT, Forge

V1 = {"version": 1}


RULES = [
    ("the client ID is always an audience", AUDIENCES, ["api://other"], {"aud": API}, 200),
    ("an audience listed in allowedAudiences", AUDIENCES, ["api://other"], {"aud": "api://other"}, 200),
    ("an audience that is not listed", AUDIENCES, ["api://other"], {"aud": f"api://{API}"}, 401),
    ("the App ID URI with an empty list", AUDIENCES, [], {"aud": f"api://{API}"}, 401),
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
    ("an allowed application in upper case", APPLICATIONS, [CALLER.upper()], {}, 200),
    ("another application", APPLICATIONS, [OTHER], {}, 403),
    ("only the app itself, as the portal sets by default", APPLICATIONS, [API], {}, 403),
    ("an object ID instead of a client ID", APPLICATIONS, [CALLER_OBJECT], {}, 403),
    ("appid in a version 2 token", APPLICATIONS, [OTHER], {"appid": OTHER}, 403),
    ("an empty list of applications", APPLICATIONS, [], {}, 200),
    ("an allowed identity", IDENTITIES, [OTHER, CALLER_OBJECT], {}, 200),
    ("an allowed user", IDENTITIES, [USER_OBJECT], {"user": True}, 200),
    ("another identity", IDENTITIES, [OTHER], {}, 403),
    ("a client ID instead of an object ID", IDENTITIES, [CALLER], {}, 403),
    ("a token without an object ID", IDENTITIES, [CALLER_OBJECT], {"oid": GONE}, 403),
    ("a member of an allowed group", GROUPS, [OTHER], {"groups": ["x", OTHER]}, 200),
    ("a member of another group", GROUPS, [OTHER], {"groups": ["x"]}, 403),
    ("a token without groups", GROUPS, [OTHER], {}, 403),
    ("groups that are not a list", GROUPS, [OTHER], {"groups": OTHER}, 403),
    (
        "identities and groups: the identity matches",
        PRINCIPALS,
        {"identities": [CALLER_OBJECT], "groups": [OTHER]},
        {},
        200,
    ),
    (
        "identities and groups: the group matches",
        PRINCIPALS,
        {"identities": [OTHER], "groups": ["g"]},
        {"groups": ["g"]},
        200,
    ),
    (
        "identities and groups: neither matches",
        PRINCIPALS,
        {"identities": [OTHER], "groups": ["g"]},
        {"groups": ["h"]},
        403,
    ),
    (
        "applications and identities: both match",
        BOTH,
        {"allowedApplications": [CALLER], "allowedPrincipals": {"identities": [CALLER_OBJECT]}},
        {},
        200,
    ),
    (
        "applications and identities: only the application matches",
        BOTH,
        {"allowedApplications": [CALLER], "allowedPrincipals": {"identities": [OTHER]}},
        {},
        403,
    ),
]


@pytest.mark.parametrize(("why", "path", "value", "token", "status"), RULES, ids=[rule[0] for rule in RULES])
def test_each_rule_allows_and_denies(
    why, path, value, token, status, app, local_azure_server, forge: Forge, tmp_path: Path
):
    found = read(tmp_path, settings(path, value))
    with easy_auth(local_azure_server, app, policy=found.policy, token_version=found.token_version) as front:
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
        "AllowAnonymous with another authentication scheme",
        {"unauthenticatedClientAction": "AllowAnonymous"},
        "/",
        {"A": "Basic x"},
        200,
    ),
    ("requireAuthentication is false", REQUIRED | {"requireAuthentication": False}, "/api", {}, 200),
    ("an excluded path", REQUIRED | {"excludedPaths": ["/health"]}, "/health", {}, 200),
    ("an excluded path with a query", REQUIRED | {"excludedPaths": ["/health"]}, "/health?x=1", {}, 200),
    ("below an excluded path", REQUIRED | {"excludedPaths": ["/health"]}, "/health/more", {}, 401),
    ("a path that starts with an excluded path", REQUIRED | {"excludedPaths": ["/health"]}, "/healthy", {}, 401),
    ("an excluded path in upper case", REQUIRED | {"excludedPaths": ["/health"]}, "/HEALTH", {}, 401),
    ("below an excluded folder", REQUIRED | {"excludedPaths": ["/x", "/public/*"]}, "/public/a/b", {}, 200),
    ("a path that starts like an excluded folder", REQUIRED | {"excludedPaths": ["/public/*"]}, "/publicity", {}, 401),
    ("a parent segment in an excluded folder", REQUIRED | {"excludedPaths": ["/public/*"]}, "/public/../api", {}, 401),
    (
        "an encoded parent segment in an excluded folder",
        REQUIRED | {"excludedPaths": ["/public/*"]},
        "/public/%2e%2e/api",
        {},
        401,
    ),
    (
        "a parent segment with an encoded slash in an excluded folder",
        REQUIRED | {"excludedPaths": ["/public/*"]},
        "/public/..%2fapi",
        {},
        401,
    ),
]


def send_raw(front: str, path: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
    """Send a GET request without normalizing the path, and return the status, Location and body."""
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
def test_request_without_a_token_gets_the_configured_action(
    why, value, path, headers, status, app, local_azure_server: LocalAzure, tmp_path: Path
):
    policy = read(tmp_path, settings("globalValidation", value)).policy
    forged = {**headers, "X-MS-CLIENT-PRINCIPAL": "forged"}
    with easy_auth(local_azure_server, app, policy=policy) as front:
        found, location, body = send_raw(front, path, forged)
    assert found == status
    assert location == ("/.auth/login/aad?post_login_redirect_uri=%2Fapi%3Fq%3D1" if status == 302 else "")
    if status == 200:
        names = [name.lower() for name, _ in json.loads(body)["headers"]]
        assert not [name for name in names if name.startswith("x-ms-")]
        assert json.loads(body)["target"].startswith(path.partition("?")[0])


EXCLUDED = AuthPolicy(excluded_paths=("/health", "/public/*"))
SEGMENTS = st.sampled_from(["public", "health", "api", "..", ".", "", "%2e%2e", "%2E.", "..%2f", "\\", "a%5cb", "x"])


@given(segments=st.lists(SEGMENTS | st.text(), max_size=5))
@example(["public", "..", "api"])
@example(["public", "%2e%2e", "api"])
@example(["public", "x\\..\\..\\api"])
@example(["health", ""])
def test_path_that_an_app_could_resolve_to_another_path_is_not_excluded(segments: list[str]):
    path = "/" + "/".join(segments)
    if EXCLUDED.action_for(path) is UnauthenticatedAction.RETURN_401:
        return
    resolved = posixpath.normpath(unquote(path).replace("\\", "/"))
    assert resolved == "/health" or f"{resolved}/".startswith("/public/")


def test_policy_without_rules_requires_only_a_token():
    assert AuthPolicy().allows({}) is True
    assert AuthPolicy().action_for("/") is UnauthenticatedAction.RETURN_401


@pytest.mark.parametrize(
    ("why", "claims"),
    [
        ("no claims", {}),
        ("an empty client ID", {"ver": "2.0", "azp": ""}),
        ("appid in a version 2 token", {"ver": "2.0", "appid": CALLER}),
        ("azp in a version 1 token", {"ver": "1.0", "azp": CALLER}),
        ("a list that contains the client", {"ver": "2.0", "azp": [CALLER]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_client_id_is_read_from_the_claim_of_the_token_version(why, claims):
    policy = AuthPolicy(allowed_applications=frozenset({CALLER}))
    assert policy.allows(claims) is False
    assert policy.allows({"ver": "2.0", "azp": CALLER})
    assert policy.allows({"ver": "1.0", "appid": CALLER})
