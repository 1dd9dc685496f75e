"""A fake Entra token endpoint over TLS, and forged user assertions that pass msi-func's local checks."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from msi_func.user_assertion import UserAssertion
from tests.support.caller import Caller, unsigned_token
from tests.support.forge import encode
from tests.support.scripted import Reply, Request, Scripted, as_json, certified
from tests.support.users import IDENTITY, MSI_FUNC

TENANT = "10ca1000-0000-4000-8000-000000000001"
REJECTED = as_json(400, {"error": "invalid_grant", "error_codes": [50013], "error_description": "signature"})


def token_response(token: Any = None, **changes: Any) -> Reply:
    """Return Entra's response to a successful token request."""
    token = unsigned_token("on-behalf-of") if token is None else token
    return as_json(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600, **changes})


def forged_assertion(mark: str = "", **changes: Any) -> UserAssertion:
    """Return a user assertion that is valid for msi-func except for its signature."""
    claims = {"aud": MSI_FUNC, "tid": TENANT, "exp": int(time.time()) + 3600, "scp": "user_impersonation", "uti": mark}
    token = f"{encode({'alg': 'RS256', 'typ': 'JWT'})}.{encode(claims | changes)}.{encode(b'forged')}"
    return UserAssertion.from_header(f"Bearer {token}")


def on_behalf_of_settings(authority: str) -> dict[str, str]:
    return {
        "ENTRA_TENANT_ID": TENANT,
        "ENTRA_AUTHORITY": authority,
        "MSI_FUNC_CLIENT_ID": MSI_FUNC,
        "MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID": IDENTITY,
    }


@contextlib.contextmanager
def fake_entra(
    caller: Caller, folder: Path, environment: pytest.MonkeyPatch, respond: Callable[[Request], Reply], **options: Any
) -> Iterator[Scripted]:
    """Run a token endpoint and configure the caller to use and trust it. `server` replaces the class Scripted."""
    server = options.pop("server", Scripted)
    with server(respond, tls=certified(folder, environment), **options) as entra:
        caller.set({**on_behalf_of_settings(entra.origin), "SSL_CERT_FILE": str(folder / "ca.pem")})
        yield entra
