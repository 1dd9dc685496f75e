"""Client authentication at the token endpoint, with secrets and with client assertions."""

from dataclasses import replace

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, ClientSecretCredential, ManagedIdentityCredential

from local_azure.cloud import LocalAzure
from local_azure.entra.assertions import AssertionValidator
from local_azure.entra.client_authentication import ASSERTION_TYPE, ClientAuthenticator
from local_azure.entra.errors import TokenRequestError
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.forge import GONE, Forge
from tests.support.tenant_requests import API, JOB, SECRET
from tests.support.users import IDENTITY, MSI_FUNC

EXCHANGE = "api://AzureADTokenExchange/.default"


def test_managed_identity_token_authenticates_an_application(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    identity = ManagedIdentityCredential(client_id=IDENTITY)
    client = ClientAssertionCredential(
        local_azure_server.directory.tenant_id,
        MSI_FUNC,
        lambda: identity.get_token(EXCHANGE).token,
        authority=local_azure_server.https_origin,
        disable_instance_discovery=True,
    )
    claims = verified(local_azure_server, client.get_token(f"{API}/.default").token)
    assert (claims["azp"], claims["idtyp"]) == (MSI_FUNC, "app")


def test_azure_identity_reports_the_code_for_a_wrong_secret(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    with (
        ClientSecretCredential(
            local_azure_server.directory.tenant_id, JOB, "guess", disable_instance_discovery=True
        ) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215: Invalid client secret"),
    ):
        credential.get_token(f"{API}/.default")


@pytest.fixture
def clients(local_azure: LocalTenant, local_azure_server: LocalAzure) -> ClientAuthenticator:
    """Return the client authenticator of the shared tenant."""
    directory = local_azure_server.directory
    assertions = AssertionValidator(directory, local_azure_server.keys, local_azure_server.issuer)
    return ClientAuthenticator(directory, assertions)


def client_assertion(azure: LocalAzure) -> str:
    """Return a token of the managed identity that msi-func's app registration trusts."""
    identity = "1de00003-0b1d-4000-8000-000000000000"
    return Forge(azure, "AAD Token Exchange").token(oid=identity, sub=identity, roles=GONE)


@pytest.mark.parametrize("client_id", [JOB, JOB.upper()], ids=["lower case", "upper case"])
def test_secret_authenticates_its_client(client_id: str, clients: ClientAuthenticator):
    client, method = clients.authenticate({"client_id": client_id, "client_secret": SECRET})
    assert (client.name, method) == ("nightly-job", "1")


def test_assertion_takes_precedence_over_a_secret(clients: ClientAuthenticator, local_azure_server: LocalAzure):
    form = {"client_id": MSI_FUNC, "client_assertion_type": ASSERTION_TYPE, "client_secret": "ignored"}
    client, method = clients.authenticate({**form, "client_assertion": client_assertion(local_azure_server)})
    assert (client.name, method) == ("msi-func-api", "2")


REJECTED = [
    ("no client", {"client_id": None}, 900144),
    ("an unknown client", {"client_id": "nobody"}, 700016),
    ("a client's name", {"client_id": "nightly-job"}, 700016),
    ("a client's object ID", {"client_id": "dae00001-0b1d-4000-8000-000000000000"}, 700016),
    ("no secret", {"client_secret": None}, 7000218),
    ("an empty secret", {"client_secret": ""}, 7000218),
    ("another secret", {"client_secret": "guess"}, 7000215),
    ("a prefix of the secret", {"client_secret": SECRET[:-1]}, 7000215),
    ("the secret with a trailing space", {"client_secret": f"{SECRET} "}, 7000215),
    ("the secret in upper case", {"client_secret": SECRET.upper()}, 7000215),
    ("non-ASCII characters", {"client_secret": "S\u00e9cret"}, 7000215),
    ("a client without secrets", {"client_id": MSI_FUNC}, 7000215),
    ("an assertion without client_assertion_type", {"client_assertion": "x.y.z"}, 900144),
    ("another client_assertion_type", {"client_assertion": "x.y.z", "client_assertion_type": "saml"}, 90023),
    ("an invalid assertion", {"client_assertion": "x.y.z", "client_assertion_type": ASSERTION_TYPE}, 50027),
]


@pytest.mark.parametrize(("why", "changes", "code"), REJECTED, ids=[case[0] for case in REJECTED])
def test_client_without_a_valid_credential_is_rejected(why, changes, code, clients: ClientAuthenticator):
    form = {"client_id": JOB, "client_secret": SECRET, **changes}
    with pytest.raises(TokenRequestError) as caught:
        clients.authenticate({name: value for name, value in form.items() if value is not None})
    assert caught.value.code == code
    assert SECRET not in caught.value.text


def test_each_of_several_secrets_is_valid(clients: ClientAuthenticator, local_azure_server: LocalAzure, monkeypatch):
    """Both the old and the new secret are valid while a secret is replaced."""
    directory = local_azure_server.directory
    job = replace(directory.application("nightly-job"), secrets=("old", "new"))
    monkeypatch.setattr(directory, "applications", (job,))
    for secret in ("old", "new"):
        assert clients.authenticate({"client_id": JOB, "client_secret": secret})[0] is job
