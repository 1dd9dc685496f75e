"""Parse an `authsettingsV2` document from an ARM template or from Azure Resource Manager.

https://learn.microsoft.com/azure/templates/microsoft.web/sites/config-authsettingsv2
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from local_azure.easy_auth.policy import AuthPolicy, UnauthenticatedAction
from local_azure.serving.errors import StartError
from local_azure.tenant.json_reader import JsonObject, TenantFileError, read_json_object

# If the issuer URL contains one of these values instead of a tenant ID, Easy Auth does not check the issuer.
_MULTI_TENANT = ("common", "organizations", "consumers")
_ACTIONS = tuple(action.value for action in UnauthenticatedAction)


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """The settings of Easy Auth for one app. `tenant_id` is None if tokens of all tenants are accepted."""

    client_id: str
    tenant_id: str | None
    token_version: Literal[1, 2]
    policy: AuthPolicy


def read_auth_settings(path: Path) -> AuthSettings:
    """Read a file that contains an `authsettingsV2` resource, or only its properties. Raises StartError."""
    try:
        # Azure Resource Manager returns null for properties that are not set.
        document = read_json_object(path, null_is_missing=True)
        return _parse(document.object("properties") if "properties" in document else document)
    except TenantFileError as error:
        raise StartError(f"{path}: {error}") from None


def _parse(properties: JsonObject) -> AuthSettings:
    provider = properties.object("identityProviders").object("azureActiveDirectory")
    for part in (properties.object("platform"), provider):
        if not part.boolean("enabled", True):
            raise part.error("enabled", "is false, so App Service does not authenticate callers")
    registration = provider.object("registration")
    client_id = _literal(registration, "clientId", registration.string("clientId")).lower()
    tenant_id, version = _parse_issuer(registration)
    validation = properties.object("globalValidation")
    policy = _parse_policy(provider.object("validation"), validation, checks_issuer=tenant_id is not None)
    return AuthSettings(client_id, tenant_id, version, policy)


def _parse_issuer(registration: JsonObject) -> tuple[str | None, Literal[1, 2]]:
    url = urlsplit(_literal(registration, "openIdIssuer", registration.string("openIdIssuer")).lower())
    tenant, _, rest = url.path.strip("/").partition("/")
    if url.scheme != "https" or not tenant or rest not in ("", "v2.0"):
        form = "https://login.microsoftonline.com/<tenant ID>/v2.0"
        raise registration.error("openIdIssuer", f"must be an issuer such as {form}")
    return (None if tenant in _MULTI_TENANT else tenant), (2 if rest else 1)


def _parse_policy(validation: JsonObject, unauthenticated: JsonObject, *, checks_issuer: bool) -> AuthPolicy:
    rules = validation.object("defaultAuthorizationPolicy")
    principals = rules.object("allowedPrincipals")
    action = unauthenticated.one_of("unauthenticatedClientAction", _ACTIONS, UnauthenticatedAction.REDIRECT.value)
    if not unauthenticated.boolean("requireAuthentication", True):
        action = UnauthenticatedAction.ALLOW.value
    unauthenticated.string("redirectToProvider", None)
    policy = AuthPolicy(
        allowed_audiences=_strings(validation, "allowedAudiences"),
        checks_issuer=checks_issuer,
        allowed_applications=_ids(rules, "allowedApplications"),
        identities=_ids(principals, "identities"),
        groups=_ids(principals, "groups"),
        unauthenticated_action=UnauthenticatedAction(action),
        excluded_paths=_strings(unauthenticated, "excludedPaths"),
    )
    # Ignoring a misspelled or unsupported rule could admit callers that App Service rejects.
    validation.object("jwtClaimChecks").reject_unknown_members()
    for part in (validation, rules, principals, unauthenticated):
        part.reject_unknown_members()
    return policy


def _ids(entry: JsonObject, name: str) -> frozenset[str]:
    return frozenset(value.lower() for value in _strings(entry, name))


def _strings(entry: JsonObject, name: str) -> tuple[str, ...]:
    return tuple(_literal(entry, f"{name}[{index}]", value) for index, value in enumerate(entry.strings(name, ())))


def _literal(entry: JsonObject, name: str, value: str) -> str:
    if value.startswith("[") and value.endswith("]"):
        raise entry.error(name, "must be a value, not an ARM template expression")
    return value
