"""The calling half in this process: its settings in the environment, its memory empty."""

import base64
import json
import time
from typing import Any

import pytest

from local_azure.cloud import LocalAzure
from msi_func import on_behalf_of, tokens
from msi_func.downstream import DownstreamApi
from tests.support import apps
from tests.support.scripted import Reply, as_json

SCOPE = "api://aad00002-c11d-4000-8000-000000000000/.default"


class Caller:
    """Makes DownstreamApi objects whose settings are what the test says and nothing else."""

    def __init__(self, environment: pytest.MonkeyPatch) -> None:
        self._environment = environment

    def api(self, url: str, **settings: str) -> DownstreamApi:
        """An API configured by settings with the prefix TEST_API."""
        values = {"URL": url, "SCOPE": SCOPE, **settings}
        self.set({f"TEST_API_{name}": value for name, value in values.items()})
        return DownstreamApi.from_settings("TEST_API")

    def set(self, settings: dict[str, str]) -> None:
        for name, value in settings.items():
            self._environment.setenv(name, value)

    def is_site(self, azure: LocalAzure, site: str = "msi-func") -> None:
        """Have the managed identity of this site."""
        self.set(azure.environment(site))

    def asks(self, endpoint: str) -> None:
        """Have a managed identity whose endpoint is this one."""
        self.set({"IDENTITY_ENDPOINT": endpoint, "IDENTITY_HEADER": "secret-of-this-test"})

    def forget(self) -> None:
        """Begin like a new process: no credential and no token is kept."""
        self._environment.setattr(tokens, "_sources", {})
        self._environment.setattr(tokens, "_credentials", {})
        on_behalf_of._memory.cache_clear()


@pytest.fixture
def caller(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A caller with a clean environment."""
    with apps.clean_environment():
        new = Caller(monkeypatch)
        new.forget()
        yield new
        monkeypatch.undo()


def token_reply(*, seconds: int = 86_400, mark: str = "token", **changes: Any) -> Reply:
    """What the App Service endpoint answers, with a token that is recognised by its mark."""
    return as_json(200, {"access_token": made_up_token(mark), "expires_on": str(int(time.time()) + seconds), **changes})


def made_up_token(mark: str) -> str:
    """Something of a token's looks, good enough for a test's own API."""
    header, payload = ({"alg": "RS256", "typ": "JWT"}, {"mark": mark, "aud": SCOPE})
    parts = (json.dumps(header), json.dumps(payload), "no signature, but as long as that of a key")
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
