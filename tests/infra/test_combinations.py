"""Every combination of the template's parameters deploys working apps or fails with an error message.

The template is evaluated. The claims of Entra ID's tokens are derived from the deployed resources and authorized by
aad-func's code with the deployed settings.
"""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from aad_func.authorization import Authorizer
from msi_func.app_registration import AppRegistration
from msi_func.downstream import DownstreamApi
from tests.infra.decision import accepted_roles, app_settings
from tests.support.apps import APP
from tests.support.bicep_deployment import Deployment, Resource
from tests.support.bicep_functions import AUTHORITY, TENANT, DeploymentError, identifier

MAIN = APP / "infra" / "main.bicep"
EXISTING = "5e15717e-c11d-4000-8000-000000000000"
OTHER_CLIENT = "07e70001-c11d-4000-8000-000000000000"
HOST_ROLES = {"b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "3913510d-42f4-4e42-8a64-420c390055eb"}
SYSTEM_CLIENT_ID = identifier("client ID of the system-assigned identity, which the template cannot know")
CHOICES: dict[str, tuple[Any, ...]] = {
    "callModes": ("app", "user", "app,user"),
    "callAs": ("managed_identity", "application"),
    "callerIdentity": ("system", "user"),
    "roleAssignment": ("entra", "setting", "none"),
    "assignmentRequired": (True, False),
    "tokenVersion": (1, 2),
    "easyAuth": (False, True),
    "existingClientId": ("", EXISTING),
    "allowedCallers": ("", OTHER_CLIENT),
}
COMBINATIONS = [dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())]
GROUPED_BY = ("callModes", "callAs", "callerIdentity", "existingClientId")
GROUPS = list(itertools.product(*(CHOICES[name] for name in GROUPED_BY)))


def reasons_to_reject(parameters: dict[str, Any]) -> set[str]:
    """Return the beginning of each error message that these parameters must cause."""
    modes, application = parameters["callModes"].split(","), parameters["callAs"] == "application"
    by_setting, user_assigned = parameters["roleAssignment"] == "setting", parameters["callerIdentity"] == "user"
    rules = {
        "existingClientId leaves": parameters["existingClientId"] and (application or "user" in modes),
        "callAs `application` needs": application and "app" not in modes,
        "callerIdentity `user` needs": user_assigned and (application or "app" not in modes),
        "roleAssignment `setting` grants": by_setting and "app" not in modes,
        "roleAssignment `setting` needs": by_setting
        and not parameters["existingClientId"]
        and parameters["assignmentRequired"],
        "easyAuth admits either": parameters["easyAuth"] and len(modes) == 2 and not application and not user_assigned,
    }
    return {message for message, applies in rules.items() if applies}


@dataclass
class Deployed:
    """A deployment: the settings of both apps, and the claims of the tokens between them."""

    parameters: dict[str, Any]

    def __post_init__(self) -> None:
        given = {"environmentName": "dev", "location": "westeurope", **self.parameters}
        self.deployment = Deployment(MAIN, given)
        self.outputs = self.deployment.outputs
        self.msi = self.deployment.settings(self.outputs["MSI_FUNC_NAME"])
        self.aad = self.deployment.settings(self.outputs["AAD_FUNC_NAME"])
        self.modes = self.parameters["callModes"].split(",")

    def site(self, name: str) -> Resource:
        (found,) = [each for each in self.deployment.of_type("Microsoft.Web/sites") if each.name == self.outputs[name]]
        return found

    def identity(self, client_id: str) -> Resource:
        """Return the user-assigned identity with this client ID, which must be attached to msi-func."""
        found = self.deployment.of_type("Microsoft.ManagedIdentity/userAssignedIdentities")
        (identity,) = [each for each in found if each.member("properties")["clientId"] == client_id]
        assert identity.member("id") in self.site("MSI_FUNC_NAME").body["identity"]["userAssignedIdentities"]
        return identity

    def registration(self) -> Resource:
        """Return msi-func's registration, which must trust the federated identity only."""
        apps = self.deployment.of_type("Microsoft.Graph/applications")
        (found,) = [each for each in apps if each.member("appId") == self.msi["MSI_FUNC_CLIENT_ID"]]
        (trust,) = self.deployment.of_type("Microsoft.Graph/applications/federatedIdentityCredentials")
        assert trust.body["issuer"] == f"{AUTHORITY}{TENANT}/v2.0"
        assert trust.body["audiences"] == ["api://AzureADTokenExchange"]
        assert trust.body["subject"] == principal(self.identity(self.msi["MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID"]))
        return found

    def service_principal(self, app_id: str) -> str:
        found = self.deployment.of_type("Microsoft.Graph/servicePrincipals")
        return next(each.member("id") for each in found if each.body["appId"] == app_id)

    def app_claims(self) -> dict[str, Any]:
        """Return the claims of msi-func's app token."""
        if self.msi.get("AAD_FUNC_CREDENTIAL") == "application":
            client_id = self.registration().member("appId")
            object_id = self.service_principal(client_id)
        elif "AAD_FUNC_IDENTITY_CLIENT_ID" in self.msi:
            client_id = self.msi["AAD_FUNC_IDENTITY_CLIENT_ID"]
            object_id = principal(self.identity(client_id))
        else:
            client_id = SYSTEM_CLIENT_ID
            object_id = self.system_principal("MSI_FUNC_NAME")
        has_role = object_id == self.outputs["CALLER_OBJECT_ID"]
        return self.claims(client_id, object_id, sub=object_id, roles=[self.outputs["APP_ROLE"]] if has_role else [])

    def user_claims(self) -> dict[str, Any]:
        """Return the claims of msi-func's token on behalf of a user with the role."""
        client_id = self.registration().member("appId")
        (consent,) = self.deployment.of_type("Microsoft.Graph/oauth2PermissionGrants")
        assert consent.body["clientId"] == self.service_principal(client_id)
        assert consent.body["resourceId"] == self.service_principal(self.outputs["AAD_FUNC_CLIENT_ID"])
        assert [f"{uri}/.default" for uri in self.registration().body["identifierUris"]] == [
            self.outputs["CALLER_SCOPE"]
        ]
        user = identifier("a user")
        return self.claims(client_id, user, sub="pairwise", scp=consent.body["scope"], roles=["DoAll"])

    def claims(self, client_id: str, object_id: str, **more: Any) -> dict[str, Any]:
        resource = self.msi["AAD_FUNC_SCOPE"].removesuffix("/.default")
        if self.parameters["tokenVersion"] == 1:
            versioned = {"ver": "1.0", "aud": resource, "appid": client_id, "appidacr": "2"}
        else:
            versioned = {"ver": "2.0", "aud": self.outputs["AAD_FUNC_CLIENT_ID"], "azp": client_id, "azpacr": "2"}
        return {"tid": TENANT, "oid": object_id, **versioned, **more}

    def callers(self) -> Iterator[dict[str, Any]]:
        if "app" in self.modes:
            yield self.app_claims()
        if "user" in self.modes:
            yield self.user_claims()

    def system_principal(self, app: str) -> str:
        return str(self.site(app).member("identity")["principalId"])

    def easy_auth(self) -> dict[str, Any]:
        (found,) = [each for each in self.deployment.resources if each.name.endswith("/authsettingsV2")]
        return found.body["properties"]


def principal(identity: Resource) -> str:
    return str(identity.member("properties")["principalId"])


def of_group(group: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [parameters for parameters in COMBINATIONS if tuple(parameters[name] for name in GROUPED_BY) == group]


@functools.cache
def deployed(group: tuple[Any, ...]) -> tuple[Deployed, ...]:
    """Return the deployment of each valid combination of a group, which tests only read."""
    return tuple(Deployed(parameters) for parameters in of_group(group) if not reasons_to_reject(parameters))


@pytest.mark.parametrize("group", GROUPS, ids=str)
class TestCombinations:
    def test_each_invalid_combination_is_an_error_that_names_its_reasons(self, group: tuple[Any, ...]):
        for parameters in of_group(group):
            if reasons := reasons_to_reject(parameters):
                with pytest.raises(DeploymentError) as failure:
                    Deployed(parameters)
                message = str(failure.value)
                assert message.endswith(".")
                assert all(reason in message for reason in reasons), (parameters, message)

    def test_aad_func_accepts_each_identity_that_msi_func_uses(self, group: tuple[Any, ...]):
        for each in deployed(group):
            with app_settings(each.aad, WEBSITE_AUTH_ENABLED=str(each.parameters["easyAuth"])):
                authorizer = Authorizer.from_settings()
            assert authorizer.easy_auth == each.parameters["easyAuth"]
            for claims in each.callers():
                if each.parameters["allowedCallers"] and claims.get("azp", claims.get("appid")) == SYSTEM_CLIENT_ID:
                    continue  # must be added manually (docs/deploy-options.md)
                assert accepted_roles(authorizer, claims) == ["DoAll"], (each.parameters, claims)

    def test_easy_auth_allows_the_same_identities_and_checks_issuer_and_audience(self, group: tuple[Any, ...]):
        for each in deployed(group):
            properties = each.easy_auth()
            provider = properties["identityProviders"]["azureActiveDirectory"]
            assert properties["platform"]["enabled"] == each.parameters["easyAuth"]
            assert properties["login"]["tokenStore"]["enabled"] is False
            assert properties["globalValidation"] == {
                "requireAuthentication": True,
                "unauthenticatedClientAction": "Return401",
            }
            if each.parameters["easyAuth"]:
                for claims in each.callers():
                    assert easy_auth_allows(provider, claims), each.parameters

    def test_only_the_calling_identity_gets_the_role(self, group: tuple[Any, ...]):
        for each in deployed(group):
            by_setting = each.aad.get("AAD_FUNC_ROLE_ASSIGNMENTS", "").removeprefix("DoAll=")
            expected = {each.app_claims()["oid"]} if "app" in each.modes else set()
            assert {by_setting, each.outputs["CALLER_OBJECT_ID"]} - {""} == expected
            assert bool(by_setting) == (each.parameters["roleAssignment"] == "setting")

    def test_only_system_assigned_identities_have_access_to_storage_and_telemetry(self, group: tuple[Any, ...]):
        for each in deployed(group):
            owners = {name: each.system_principal(name) for name in ("MSI_FUNC_NAME", "AAD_FUNC_NAME")}
            granted = [
                (role.body["properties"]["principalId"], role.body["properties"]["roleDefinitionId"].rpartition("/")[2])
                for role in each.deployment.of_type("Microsoft.Authorization/roleAssignments")
            ]
            assert sorted(granted) == sorted(itertools.product(owners.values(), HOST_ROLES))
            for site in map(each.site, owners):
                storage = site.body["properties"]["functionAppConfig"]["deployment"]["storage"]
                assert storage["authentication"] == {"type": "SystemAssignedIdentity"}

    def test_msi_func_has_the_settings_that_its_call_modes_need(self, group: tuple[Any, ...]):
        for each in deployed(group):
            assert each.msi["MSI_FUNC_CALL_MODES"] == each.parameters["callModes"]
            assert ("AAD_FUNC_CREDENTIAL" in each.msi) == (each.parameters["callAs"] == "application")
            needs_registration = "user" in each.modes or "AAD_FUNC_CREDENTIAL" in each.msi
            names = {
                "MSI_FUNC_CLIENT_ID",
                "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID",
                "ENTRA_TENANT_ID",
                "ENTRA_AUTHORITY",
            }
            assert names & each.msi.keys() == (names if needs_registration else set())
            with app_settings(each.msi):
                options = DownstreamApi.from_settings("AAD_FUNC").options
                registration = AppRegistration.from_settings() if needs_registration else None
            assert options.url == each.outputs["AAD_FUNC_URL"]
            assert options.scope == each.outputs["AAD_FUNC_SCOPE"]
            assert registration is None or registration.client_id == each.outputs["MSI_FUNC_CLIENT_ID"]

    def test_each_app_disables_the_others_function_and_has_its_own_host_settings(self, group: tuple[Any, ...]):
        for each in deployed(group):
            disabled = [{name for name in app if name.endswith(".Disabled")} for app in (each.msi, each.aad)]
            assert disabled == [{"AzureWebJobs.aad_func.Disabled"}, {"AzureWebJobs.msi_func.Disabled"}]
            assert each.msi["AzureWebJobsStorage__accountName"] != each.aad["AzureWebJobsStorage__accountName"]
            for app in (each.msi, each.aad):
                assert app["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == "Authorization=AAD"
                assert "AzureWebJobsStorage" not in app
                assert all(isinstance(value, str) and value for value in app.values())

    def test_an_existing_registration_is_not_changed(self, group: tuple[Any, ...]):
        for each in deployed(group):
            in_directory = [item.type for item in each.deployment.resources if item.type.startswith("Microsoft.Graph/")]
            assert bool(in_directory) != bool(each.parameters["existingClientId"])


def easy_auth_allows(provider: dict[str, Any], claims: dict[str, Any]) -> bool:
    """Return whether Easy Auth's documented rules for issuer, audience and policy allow a token."""
    suffix = {"1.0": "", "2.0": "/v2.0"}[claims["ver"]]
    policy = provider["validation"]["defaultAuthorizationPolicy"]
    identities = policy.get("allowedPrincipals", {}).get("identities")
    applications = policy.get("allowedApplications")
    assert identities or applications
    assert len(",".join(identities or applications)) <= 500
    return (
        provider["registration"]["openIdIssuer"] == f"{AUTHORITY}{TENANT}{suffix}"
        and claims["aud"] in [provider["registration"]["clientId"], *provider["validation"]["allowedAudiences"]]
        and (not identities or claims["oid"] in identities)
        and (not applications or claims.get("azp", claims.get("appid")) in applications)
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"easyAuthCallers": OTHER_CLIENT}, "easyAuthCallers needs easyAuth"),
        ({"easyAuth": True, "easyAuthCallers": ",".join([OTHER_CLIENT] * 11)}, "more than 10 IDs"),
        ({"existingAppIdUri": "api://orders"}, "existingAppIdUri needs existingClientId"),
        ({"location": "moon"}, "location is not allowed"),
        ({"appRoles": ""}, "appRoles is too short"),
        ({"perInstanceConcurrency": 0}, "perInstanceConcurrency is out of range"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_other_invalid_parameters_are_errors_that_name_the_reason(parameters: dict[str, Any], message: str):
    given = {"environmentName": "dev", "location": "westeurope", **parameters}
    with pytest.raises(DeploymentError, match=message):
        Deployment(MAIN, given)


def test_app_role_ids_are_stable_and_the_first_role_is_the_required_one():
    def roles(app_roles: str) -> list[dict[str, Any]]:
        deployment = Deployment(MAIN, {"environmentName": "dev", "location": "westeurope", "appRoles": app_roles})
        (app,) = deployment.of_type("Microsoft.Graph/applications")
        assert deployment.outputs["APP_ROLE"] == app_roles.partition(",")[0]
        return app.body["appRoles"]

    one, two = roles("DoAll"), roles("DoAll, Orders.Read")
    assert two[:1] == one
    assert [role["value"] for role in two] == ["DoAll", "Orders.Read"]
    assert two[0]["id"] != two[1]["id"]


def test_easy_auth_callers_are_in_the_only_list_of_the_policy():
    for call_as, kind in (("managed_identity", "allowedPrincipals"), ("application", "allowedApplications")):
        parameters = {"easyAuth": True, "easyAuthCallers": OTHER_CLIENT, "callAs": call_as, "callModes": "app"}
        policy = Deployed(parameters).easy_auth()["identityProviders"]["azureActiveDirectory"]["validation"]
        assert list(policy["defaultAuthorizationPolicy"]) == [kind]
        assert OTHER_CLIENT in str(policy["defaultAuthorizationPolicy"][kind])


def test_explicit_audiences_apply_to_the_code_and_to_easy_auth():
    parameters = {
        "existingClientId": EXISTING,
        "audiences": "api://orders, api://old",
        "easyAuth": True,
        "callModes": "app",
    }
    each = Deployed(parameters)
    assert each.aad["AAD_FUNC_AUDIENCES"] == "api://orders,api://old"
    validation = each.easy_auth()["identityProviders"]["azureActiveDirectory"]["validation"]
    assert validation["allowedAudiences"] == ["api://orders", "api://old"]
