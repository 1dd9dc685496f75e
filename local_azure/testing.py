"""A pytest plugin. The fixture `local_azure` is a tenant in the test process, on free ports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from local_azure.cloud import LocalAzure
    from local_azure.control.fault_injection import FaultInjector
    from local_azure.serving.clock import Clock
    from local_azure.tenant.grants import Assignment

# Environment variables that would make client libraries use other credentials.
_CREDENTIALS = (
    *(f"AZURE_{name}" for name in ("CLIENT_ID", "CLIENT_SECRET", "CLIENT_CERTIFICATE_PATH", "USERNAME", "PASSWORD")),
    *("AZURE_FEDERATED_TOKEN_FILE", "AZURE_TOKEN_CREDENTIALS", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"),
    *("IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET"),
)


class LocalTenant:
    """A running tenant. A test's changes are undone after the test."""

    def __init__(self, azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
        self._azure = azure
        self._directory = azure.directory
        self._monkeypatch = monkeypatch
        self.tenant_id = azure.directory.tenant_id
        self.authority = f"{azure.origin}/{self.tenant_id}"  # http needs no trust in the local CA
        self.issuer = azure.issuer.issuer(2)  # in version 2 tokens
        self.faults = Faults(azure.faults)

    @property
    def clock(self) -> Clock:
        """The clock of the managed identity token cache. `clock.advance(24 * 3600)` moves it forward by a day."""
        return self._azure.clock

    @property
    def requests(self) -> Mapping[str, int]:
        """The number of requests to each endpoint (msi, imds, metadata, keys, token, graph) during this test."""
        return dict(self._azure.faults.counters)

    def environment(self, site: str | None = None, *, imds: bool = False) -> dict[str, str]:
        """Set and return environment variables that make this process run as `site`, by default the first site.

        With `imds`, this process uses IMDS, as on a virtual machine. Variables for other credentials are removed.
        """
        settings = self._azure.environment(site, imds=imds)
        for name in _CREDENTIALS:
            self._monkeypatch.delenv(name, raising=False)
        for name, value in settings.items():
            self._monkeypatch.setenv(name, value)
        return settings

    def token(
        self,
        audience: str,
        *,
        site: str | None = None,
        user: str | None = None,
        daemon: str | None = None,
        roles: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        expired: bool = False,
        not_before: float | None = None,
        wrong_key: bool = False,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a new token for an API. `audience` is the API's name, client ID or App ID URI.

        The caller is the user `user`, the application `daemon`, or the system-assigned identity of `site`, by default
        the tenant's first site. By default, `roles` and `scopes` are those that the caller has in the tenant. An
        `expired` token expired an hour ago. `not_before` is in seconds from now. With `wrong_key`, the token is signed
        with a key that the tenant does not publish. `claims` sets claims, or omits a claim if its value is None.
        """
        from local_azure.entra import crafted_token

        payload = crafted_token.payload(
            self._directory, self._azure.issuer, audience, site=site, user=user, daemon=daemon
        )
        if roles is not None:
            payload["roles"] = list(roles) or None
        if scopes is not None:
            payload["scp"] = " ".join(scopes) or None
        if expired:
            crafted_token.move_lifetime(payload, "exp", time.time() - 3600)
        if not_before is not None:
            crafted_token.move_lifetime(payload, "nbf", time.time() + not_before)
        payload |= claims or {}
        present = {name: value for name, value in payload.items() if value is not None}
        return crafted_token.sign(self._azure.keys, present, wrong_key=wrong_key)

    def assign(self, role: str, *, to: str, of: str | None = None) -> None:
        """Assign an app role to the principal named `to`. `of` names the API if several APIs have the role."""
        assignment = self._assignment(role, to, of)
        if assignment not in self._directory.assignments:
            self._directory.assignments.append(assignment)

    def remove(self, role: str, *, from_: str, of: str | None = None) -> None:
        """Remove an app role from the principal named `from_`. Raises ValueError if the role is not assigned."""
        assignment = self._assignment(role, from_, of)
        if assignment not in self._directory.assignments:
            raise ValueError(f"the role {role} is not assigned to {from_}")
        self._directory.assignments.remove(assignment)

    def rotate_keys(self) -> str:
        """Start to sign tokens with a new key and return the key's `kid`."""
        return self._azure.keys.rotate().kid

    def _assignment(self, role: str, principal: str, api: str | None) -> Assignment:
        from local_azure.entra.crafted_token import named
        from local_azure.tenant.grants import Assignment

        roles = [
            (app.object_id, app_role.id)
            for app in self._directory.applications
            if api in (None, app.name) and (app_role := app.role(role)) is not None
        ]
        if len(roles) != 1:
            raise ValueError(f"of= must name one application with the role {role}, but {len(roles)} match.")
        return Assignment(named([*self._directory.principals()], principal).object_id, *roles[0])


class Faults:
    """Injects faults into responses of the endpoints msi, imds, metadata, keys, token and graph."""

    def __init__(self, injector: FaultInjector) -> None:
        self._injector = injector

    def inject(
        self,
        endpoint: str,
        *,
        status: int | None = None,
        delay: float = 0,
        truncate: bool = False,
        reset: bool = False,
        count: int | None = None,
    ) -> None:
        """Inject a fault into the next `count` responses of `endpoint`, or into all if `count` is None.

        `delay` is in seconds. With `truncate`, the JSON is incomplete. With `reset`, the TCP connection is reset.
        """
        from local_azure.control.fault_injection import Fault

        if endpoint not in self._injector.endpoints:
            raise ValueError(f"{endpoint} is not an endpoint. Endpoints: {', '.join(self._injector.endpoints)}")
        self._injector.inject(endpoint, Fault(delay, status, truncate, reset, count))

    def clear(self) -> None:
        """Remove all faults."""
        self._injector.clear()


@pytest.fixture(scope="session")
def local_azure_tenant_file() -> Path:
    """The path of the tenant file. Override this fixture to use your own file."""
    from local_azure.tenant.loader import DEFAULT_TENANT_FILE

    return DEFAULT_TENANT_FILE


@pytest.fixture(scope="session")
def local_azure_server(tmp_path_factory: pytest.TempPathFactory, local_azure_tenant_file: Path) -> Iterator[LocalAzure]:
    """The running tenant, for session-scoped fixtures, which can use `origin` and `environment()`."""
    from local_azure.cloud import LocalAzure
    from local_azure.tenant.loader import load

    with LocalAzure(load(local_azure_tenant_file), port=0, state=tmp_path_factory.mktemp("local_azure")) as azure:
        yield azure


@pytest.fixture
def local_azure(local_azure_server: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalTenant]:
    """The tenant that all tests share. Each test starts with the tenant's initial state."""
    azure, directory = local_azure_server, local_azure_server.directory
    assignments, groups, keys = [*directory.assignments], directory.groups, [*azure.keys.keys]
    azure.faults.reset_counters()
    azure.token_cache.clear()  # fixtures of session scope may have filled it
    yield LocalTenant(azure, monkeypatch)
    directory.assignments[:], directory.groups, azure.keys.keys[:] = assignments, groups, keys
    azure.faults.clear()
    azure.token_cache.clear()
    azure.clock.reset()
