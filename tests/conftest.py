"""Shared hosts of the app, and a tenant that can fail. The tenant itself is a fixture of local_azure.testing."""

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import certifi
import pytest
import trustme
from hypothesis import settings

from aad_func.access_token import AccessTokenValidator
from aad_func.signing_keys import SigningKeys
from local_azure.cloud import LocalAzure
from local_azure.entra.key_ring import KeyRing, SigningKey
from local_azure.serving.certificates import SETTINGS
from tests.support import apps
from tests.support.clock import Clock, FastForward
from tests.support.forge import Forge
from tests.support.tenant import VERSIONS, Tenant

pytest_plugins = ["local_azure.testing"]

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]

# The same examples in every run of the suite; `make fuzz` looks for new ones.
settings.register_profile("test", max_examples=60, deadline=None, database=None, derandomize=True)
settings.register_profile("fuzz", max_examples=500, deadline=None, database=None, print_blob=True)
settings.load_profile("test")


@pytest.fixture(scope="session", autouse=True)
def frozen_modules() -> None:
    """Exclude the imported modules from garbage collection, which makes collections faster."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def leaks(frozen_modules: None) -> Iterator[None]:
    """Collect garbage after each module, so that a leaked resource fails a test of the module that leaked it."""
    yield
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def few_roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A CA bundle with one root, because loading the machine's bundle takes longer than most tests.

    The environment variables of this process, and of those that it starts, name this bundle.
    """
    file = tmp_path_factory.mktemp("roots") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    with pytest.MonkeyPatch.context() as environment:
        for setting in SETTINGS:
            environment.setenv(setting, str(file))
        yield str(file)


@pytest.fixture(scope="session")
def one_public_root(few_roots: str) -> pytest.MonkeyPatch:
    """A patch that replaces certifi's bundle with `few_roots`, so that a tenant starts faster."""
    patch = pytest.MonkeyPatch()
    patch.setattr(certifi, "where", lambda: few_roots)
    return patch


@pytest.fixture(scope="session")
def local_azure_server(one_public_root: pytest.MonkeyPatch, local_azure_server: LocalAzure) -> LocalAzure:
    """The plugin's tenant, for tests that do not change it. Its CA bundle has one public root."""
    one_public_root.undo()
    return local_azure_server


@pytest.fixture(scope="session")
def forge(local_azure_server: LocalAzure) -> Forge:
    return Forge(local_azure_server)


@pytest.fixture(scope="session")
def aad_settings(local_azure_server: LocalAzure) -> dict[str, str]:
    """The settings of a host that serves aad-func only."""
    return {**apps.aad_settings(local_azure_server), "AzureWebJobs.msi_func.Disabled": "true"}


@pytest.fixture(scope="session")
def aad_host(aad_settings: dict[str, str]) -> Iterator[apps.Host]:
    """A host of aad-func only, which validates tokens itself."""
    with apps.running(aad_settings, measured=True) as host:
        yield host


@pytest.fixture(scope="session")
def msi_host(local_azure_server: LocalAzure, aad_host: apps.Host) -> Iterator[apps.Host]:
    """A host of msi-func only, which calls aad_host with a managed identity that has the role."""
    settings = {
        **apps.msi_settings(local_azure_server, aad_host.url("aad-func")),
        "AzureWebJobs.aad_func.Disabled": "true",
    }
    with apps.running(settings) as host:
        yield host


@pytest.fixture(scope="session")
def easy_auth_host(aad_settings: dict[str, str]) -> Iterator[apps.Host]:
    """A host of aad-func only, which relies on Easy Auth's principal."""
    with apps.running({**aad_settings, **apps.EASY_AUTH}, measured=True) as host:
        yield host


@pytest.fixture
def tenant(local_azure_server: LocalAzure, runner: asyncio.Runner) -> Iterator[Tenant]:
    """The same tenant at a separate origin, for tests that make it fail.

    It is stopped before the event loop, so that no fetch blocks the loop's shutdown.
    """
    with Tenant(local_azure_server) as running:
        yield running


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """The test's event loop. Closing it cancels pending fetches and waits for their threads."""
    with asyncio.Runner() as running:
        yield running


@pytest.fixture
def run(runner: asyncio.Runner) -> Run[Any]:
    """Return a function that runs a coroutine on the test's event loop.

    Background tasks continue during the next call.
    """
    return runner.run


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fast_forward(monkeypatch: pytest.MonkeyPatch) -> FastForward:
    return FastForward(monkeypatch)


@pytest.fixture
def kid(local_azure_server: LocalAzure) -> str:
    """The `kid` of the key that the tenant signs with."""
    return local_azure_server.keys.current.kid


@pytest.fixture(scope="session")
def new_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """A key that the tenant does not sign with yet."""
    return KeyRing(tmp_path_factory.mktemp("new-key")).current


@pytest.fixture
def wall() -> Clock:
    """A frozen wall clock in whole seconds since the Unix epoch, as in `exp` and `nbf`."""
    return Clock(float(int(time.time())))


@pytest.fixture
def validator(tenant: Tenant, clock: Clock, wall: Clock) -> AccessTokenValidator:
    keys = {version: SigningKeys(tenant.origin, tenant.tenant_id, version, clock=clock) for version in VERSIONS}
    return AccessTokenValidator(keys, clock=wall)
