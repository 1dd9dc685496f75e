"""`token`: a user's token from the running tenant."""

import jwt

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.support.clients import verified
from tests.support.commands import call
from tests.support.scripted import Scripted, as_json
from tests.support.tenant_requests import API

SCOPE = f"{API}/.default"


def test_token_has_the_roles_of_the_user(local_azure: LocalTenant, local_azure_server: LocalAzure):
    local_azure.environment()
    done = call(
        "token", "--user", "developer@local.example", "--scope", SCOPE, LOCAL_AZURE_URL=local_azure_server.origin
    )
    assert done.stderr == ""
    assert verified(local_azure_server, done.stdout.strip())["roles"] == ["DoAll"]


def test_unknown_user_is_an_error(local_azure_server: LocalAzure):
    done = call("token", "--user", "ghost", "--scope", SCOPE, "--url", local_azure_server.origin)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("local_azure: AADSTS50034: ")


def test_options_reach_the_tenant(local_azure_server: LocalAzure):
    client = "0b0f0001-c11d-4000-8000-000000000000"
    options = ("--client-id", client, "--mfa", "--url", local_azure_server.origin)
    done = call("token", "--user", "guarded@local.example", "--scope", SCOPE, *options)
    claims = jwt.decode(done.stdout.strip(), options={"verify_signature": False})
    assert (claims["azp"], claims["amr"]) == (client, ["pwd", "mfa"])


def test_server_that_returns_no_token_is_not_a_tenant():
    with Scripted(lambda request: as_json(200, {"status": "ok"})) as server:
        done = call("token", "--user", "x", "--scope", "y", "--url", server.origin)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"local_azure: No local tenant responds at {server.origin}. Run ")
