"""The tenant that command line options configure."""

from pathlib import Path

import pytest

from local_azure.cli import tenant
from local_azure.cli.arguments import parse
from local_azure.serving.errors import StartError
from local_azure.serving.ports import free_port
from local_azure.tenant.json_reader import TenantFileError
from tests.support.tenant_requests import API, changed_tenant_file, port_of, request_identity_token


def test_options_reach_the_tenant(state: Path, tmp_path: Path):
    file = changed_tenant_file(tmp_path, "name", "Other tenant")
    port, https_port = free_port(), free_port()
    arguments = ["--port", port, "--https-port", https_port, "--state", state, "--tenant", file, "--site", "deployment"]
    with tenant.from_options(parse(["serve", *map(str, arguments)])) as azure:
        assert (port_of(azure.origin), port_of(azure.https_origin)) == (port, https_port)
        assert (azure.directory.name, azure.site.name) == ("Other tenant", "deployment")
        assert azure.certificates.bundle.parent == state.resolve()


@pytest.mark.parametrize(
    ("options", "cached"), [([], True), (["--no-token-cache"], False)], ids=["default", "no cache"]
)
def test_tokens_are_cached_unless_disabled(options, cached, state: Path):
    with tenant.from_options(parse(["serve", "--port", "0", "--state", str(state), *options])) as azure:
        first, second = (request_identity_token(azure, resource=API).json()["access_token"] for _ in range(2))
    assert (first == second) is cached


def test_invalid_options_are_errors(state: Path, tmp_path: Path):
    with pytest.raises(StartError, match=r"^No site is named ghost\. The tenant file defines: msi-func, "):
        tenant.from_options(parse(["serve", "--port", "0", "--state", str(state), "--site", "ghost"]))
    with pytest.raises(TenantFileError, match="cannot be read"):
        tenant.from_options(parse(["serve", "--tenant", str(tmp_path / "none.json")]))
