"""One local Azure and the app's hosts for the whole run; tests that need others make them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from aad_func.bearer import BearerTokens
from aad_func.signing_keys import SigningKeys
from local_azure.cloud import LocalAzure
from local_azure.directory import load
from local_azure.keys import KeyRing, SigningKey
from tests.support import apps
from tests.support.clock import Clock, FastForward
from tests.support.finding import settle
from tests.support.forge import Forge
from tests.support.tenant import VERSIONS, Tenant

# The same examples in every run of the suite; `make fuzz` looks for new ones.
settings.register_profile("test", max_examples=60, deadline=None, database=None, derandomize=True)
settings.register_profile("fuzz", max_examples=500, deadline=None, database=None, print_blob=True)
settings.load_profile("test")


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tenant's keys are kept: made once, as making them is what takes longest."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def azure(state: Path) -> Iterator[LocalAzure]:
    """The shipped tenant, for tests that leave it as it is."""
    with LocalAzure(load(), port=0, state=state) as running:
        yield running


@pytest.fixture(scope="session")
def forge(azure: LocalAzure) -> Forge:
    return Forge(azure)


@pytest.fixture(scope="session")
def aad_host(azure: LocalAzure) -> Iterator[apps.Host]:
    """aad-func alone, checking tokens itself."""
    settings = {**apps.aad_settings(azure), "AzureWebJobs.msi_func.Disabled": "true"}
    with apps.running(settings, measured=True) as host:
        yield host


@pytest.fixture(scope="session")
def msi_host(azure: LocalAzure, aad_host: apps.Host) -> Iterator[apps.Host]:
    """msi-func alone, calling aad_host as a managed identity with the role."""
    settings = {**apps.msi_settings(azure, aad_host.url("aad-func")), "AzureWebJobs.aad_func.Disabled": "true"}
    with apps.running(settings) as host:
        yield host


@pytest.fixture(scope="session")
def easy_auth_host(azure: LocalAzure) -> Iterator[apps.Host]:
    """aad-func behind Easy Auth, as far as it can tell."""
    with apps.running({**apps.aad_settings(azure), "WEBSITE_AUTH_ENABLED": "True"}, measured=True) as host:
        yield host


@pytest.fixture
def tenant(azure: LocalAzure) -> Iterator[Tenant]:
    """The same tenant at an origin of its own, free to misbehave."""
    with Tenant(azure) as running:
        yield running
    settle()  # what still asked it is not for the next test to find


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fast_forward(monkeypatch: pytest.MonkeyPatch) -> FastForward:
    return FastForward(monkeypatch)


@pytest.fixture
def kid(azure: LocalAzure) -> str:
    """Of the key that the tenant signs with."""
    return azure.keys.current.kid


@pytest.fixture(scope="session")
def new_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """A key that the tenant does not sign with so far."""
    return KeyRing(tmp_path_factory.mktemp("new-key")).current


@pytest.fixture
def wall() -> Clock:
    """Time as tokens count it, standing still."""
    return Clock(float(int(time.time())))


@pytest.fixture
def tokens(tenant: Tenant, clock: Clock, wall: Clock) -> BearerTokens:
    keys = {version: SigningKeys(tenant.origin, tenant.tenant_id, version, clock=clock) for version in VERSIONS}
    return BearerTokens(keys, clock=wall)
