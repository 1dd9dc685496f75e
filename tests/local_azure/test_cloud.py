"""LocalAzure: sites, origins and ports."""

from pathlib import Path

import jwt
import pytest
import requests

from local_azure.cloud import LocalAzure
from local_azure.serving.errors import StartError
from local_azure.serving.ports import free_port
from local_azure.tenant.loader import load
from tests.support.commands import call
from tests.support.tenant_requests import is_listening, port_of, request_imds_token


def test_http_and_https_need_different_ports(state: Path):
    port = free_port()
    done = call("serve", "--port", port, "--https-port", port, "--state", state)
    message = (
        f"local_azure: Port {port} cannot serve both http and https. Choose another https port with --https-port.\n"
    )
    assert (done.returncode, done.stderr) == (1, message)


def test_stopped_tenant_frees_its_ports(state: Path):
    with LocalAzure(load(), port=0, state=state) as azure:
        ports = port_of(azure.origin), port_of(azure.https_origin)
        assert all(map(is_listening, ports))
    assert not any(map(is_listening, ports))


def test_several_tenants_can_run_at_the_same_time(local_azure_server: LocalAzure, state: Path):
    with LocalAzure(load(), port=0, state=state) as other:
        origins = {local_azure_server.origin, local_azure_server.https_origin, other.origin, other.https_origin}
        assert len(origins) == 4
        keys = f"{other.origin}/{other.directory.tenant_id}/discovery/keys"
        published = [key["kid"] for key in requests.get(keys, timeout=10).json()["keys"]]
        assert published == [key.kid for key in other.keys.keys]


@pytest.mark.parametrize("version", [1, 2])
def test_issuer_is_the_https_origin(version: int, local_azure_server: LocalAzure):
    assert local_azure_server.issuer.issuer(version).startswith(f"{local_azure_server.https_origin}/")


def test_settings_are_those_of_the_site(local_azure_server: LocalAzure):
    default, slot = local_azure_server.environment(), local_azure_server.environment("msi-func/slots/staging")
    assert (default["IDENTITY_HEADER"], slot["IDENTITY_HEADER"]) == (
        "local-only-msi-func",
        "local-only-msi-func-staging",
    )
    assert {name for name in default if default[name] != slot[name]} == {"IDENTITY_HEADER"}


def test_settings_of_a_virtual_machine_omit_those_of_app_service(local_azure_server: LocalAzure):
    """Client libraries use IMDS only without these settings."""
    machine = local_azure_server.environment(imds=True)
    assert local_azure_server.environment().keys() - machine.keys() == {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"}


def test_unknown_site_is_an_error_that_lists_all_sites(local_azure_server: LocalAzure, state: Path):
    sites = "msi-func, msi-func/slots/staging, aad-func, deployment"
    message = rf"^No site is named ghost\. The tenant file defines: {sites}\.$"
    with pytest.raises(StartError, match=message):
        local_azure_server.environment("ghost")
    with pytest.raises(StartError, match=message):
        LocalAzure(load(), port=0, state=state, site="ghost")


def test_imds_serves_the_chosen_site(state: Path):
    with LocalAzure(load(), port=0, state=state, site="deployment") as azure:
        token = request_imds_token(azure).json()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["oid"] == azure.directory.site("deployment").identities[0].object_id


def test_unknown_path_is_404(local_azure_server: LocalAzure):
    assert requests.get(f"{local_azure_server.origin}/nowhere", timeout=10).status_code == 404
