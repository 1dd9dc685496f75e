"""HTTP requests to a local tenant ignore proxies and .netrc."""

from pathlib import Path

import pytest

from local_azure.serving.local_client import local_session, tenant_unreachable
from tests.support.scripted import Scripted, as_json


@pytest.fixture
def proxy_and_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure a proxy for all hosts, and credentials for this machine in .netrc."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.mark.usefixtures("proxy_and_netrc")
def test_proxies_and_netrc_are_ignored():
    with Scripted(lambda request: as_json(200, {})) as tenant, local_session() as session:
        assert session.get(tenant.origin, timeout=10).status_code == 200
    (request,) = tenant.requests
    assert "authorization" not in request.headers


def test_unreachable_tenant_is_an_error_with_a_remedy():
    assert str(tenant_unreachable("http://127.0.0.1:8400")) == (
        "No local tenant responds at http://127.0.0.1:8400. "
        "Run python -m local_azure serve, or change the address with --url."
    )
