"""msi-func's API client in the test process, with its own settings, session and token cache."""

import asyncio
import base64
import json
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from common.problems import Problem
from msi_func import bearer_token_auth, http_session
from msi_func.downstream import DownstreamApi
from tests.support import apps
from tests.support.scripted import Reply, as_json

SCOPE = "api://aad00002-c11d-4000-8000-000000000000/.default"

T = TypeVar("T")


class Caller:
    """A factory for DownstreamApi clients with only the test's settings, and an event loop to run their coroutines."""

    def __init__(self, environment: pytest.MonkeyPatch) -> None:
        self._environment = environment
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on this caller's event loop. Background tasks proceed only during such calls."""
        return self._runner.run(work)

    def problem_of(self, work: Coroutine[Any, Any, Any]) -> Problem:
        """Return the problem that `work` raises."""
        with pytest.raises(Problem) as raised:
            self.run(work)
        return raised.value

    def api(self, url: str, **settings: str) -> DownstreamApi:
        """Return a client for an API configured by settings with the prefix TEST_API."""
        values = {"URL": url, "SCOPE": SCOPE, **settings}
        self.set({f"TEST_API_{name}": value for name, value in values.items()})
        return DownstreamApi.from_settings("TEST_API")

    def set(self, settings: dict[str, str]) -> None:
        for name, value in settings.items():
            self._environment.setenv(name, value)

    def uses_endpoint(self, endpoint: str) -> None:
        """Set the URL of the managed identity endpoint."""
        self.set({"IDENTITY_ENDPOINT": endpoint, "IDENTITY_HEADER": "secret-of-this-test"})

    def restart(self) -> None:
        """Reset to the state of a new process: no session, no credential and no token."""
        self.close()
        self._runner = asyncio.Runner()

    def close(self) -> None:
        async def close_session() -> None:
            await http_session.session().close()

        self._runner.run(close_session())
        self._runner.close()
        bearer_token_auth._credential_for.cache_clear()
        http_session.proxy_for.cache_clear()


@pytest.fixture
def caller(monkeypatch: pytest.MonkeyPatch, few_roots: str) -> Any:
    """A caller with a clean environment."""
    with apps.clean_environment():
        monkeypatch.setenv("SSL_CERT_FILE", few_roots)
        new = Caller(monkeypatch)
        http_session.proxy_for.cache_clear()
        yield new
        new.close()
        monkeypatch.undo()


def token_reply(*, seconds: int = 86_400, mark: str = "token", **changes: Any) -> Reply:
    """Return the App Service endpoint's response, with a token that contains `mark`."""
    content = {
        "access_token": unsigned_token(mark),
        "expires_on": str(int(time.time()) + seconds),
        "resource": SCOPE.removesuffix("/.default"),
        "token_type": "Bearer",
    }
    return as_json(200, content | changes)


def unsigned_token(mark: str) -> str:
    """Return a JWT-shaped string without a valid signature, for test APIs that do not validate tokens."""
    header, payload = ({"alg": "RS256", "typ": "JWT"}, {"mark": mark, "aud": SCOPE})
    parts = (json.dumps(header), json.dumps(payload), "no signature, but as long as that of a key")
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
