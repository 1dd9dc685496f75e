"""authsettingsV2 documents: the settings of infra/ are enforced, and invalid documents are errors."""

from pathlib import Path
from typing import Any

import pytest

from local_azure.cloud import LocalAzure
from local_azure.easy_auth.auth_settings import read_auth_settings
from local_azure.serving.errors import StartError
from tests.local_azure.easy_auth.auth_documents import (
    API,
    AUDIENCES,
    BOTH,
    IDENTITIES,
    ISSUER,
    LOGIN,
    MINIMAL,
    OTHER,
    PRINCIPALS,
    REQUIRED,
    TENANT,
    entra,
    read,
    settings,
)
from tests.support.apps import APP
from tests.support.bicep_deployment import Deployment
from tests.support.bicep_syntax import statements
from tests.support.easy_auth_proxy import call, easy_auth
from tests.support.forge import CALLER_OBJECT, Forge


def declared_by_infra() -> dict[str, Any]:
    """Return the authsettingsV2 properties that infra/ declares for one allowed identity."""
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
        ("this identity, with the App ID URI as audience", {"aud": f"api://{API}"}, 200),
        ("another identity", {"oid": OTHER, "sub": OTHER}, 403),
        ("another API", {"aud": OTHER}, 401),
        ("another tenant", {"iss": f"{LOGIN}/{OTHER}/v2.0"}, 401),
        ("no token", None, 401),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_declared_by_infra_are_enforced(
    why, token, status, app, local_azure_server: LocalAzure, forge: Forge, tmp_path: Path
):
    resource = {"type": "Microsoft.Web/sites/config", "name": "authsettingsV2", "properties": declared_by_infra()}
    found = read(tmp_path, resource)
    assert (found.client_id, found.tenant_id, found.token_version) == (API, TENANT, 2)
    with easy_auth(local_azure_server, app, policy=found.policy, token_version=found.token_version) as front:
        response = call(front, None if token is None else forge.token(**token))
    assert response.status_code == status


def test_null_members_are_treated_as_missing(tmp_path: Path):
    document = settings()
    entra(document)["validation"] = {
        "allowedAudiences": None,
        "defaultAuthorizationPolicy": {"allowedPrincipals": None},
    }
    document["globalValidation"] |= {"excludedPaths": None, "redirectToProvider": None}
    document |= {"login": {"tokenStore": {"enabled": True}}, "httpSettings": None}
    assert read(tmp_path, {"properties": document}).policy == read(tmp_path, settings()).policy


INVALID = [
    (
        "Easy Auth that is disabled",
        {"platform": {"enabled": False}, **MINIMAL},
        "platform.enabled is false, so App Service does",
    ),
    ("no provider", {"globalValidation": REQUIRED}, "registration.clientId is missing"),
    (
        "a provider that is disabled",
        settings("/enabled", False),
        "azureActiveDirectory.enabled is false, so App Service",
    ),
    ("identities that are not a list", settings(IDENTITIES, "x"), "identities must be a list of non-empty strings"),
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
        "an expression in a list",
        settings(AUDIENCES, ["[parameters('x')]"]),
        "allowedAudiences[0] must be a value, not an ARM template expression",
    ),
    (
        "an expression instead of a string",
        settings("registration/clientId", "[variables('x')]"),
        "clientId must be a value, not an ARM template expression",
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
