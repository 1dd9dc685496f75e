"""Access tokens for tests, with any claims and lifetime, and optionally with an invalid signature."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local_azure.entra.key_ring import KeyRing
from local_azure.entra.token_issuer import LIFETIME, TokenIssuer
from local_azure.entra.user_tokens import AZURE_CLI
from local_azure.tenant.directory import Directory


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def named(entries: Sequence[T], name: str) -> T:
    """Return the entry with this name. Raises ValueError, which lists the existing names."""
    for entry in entries:
        if entry.name == name:
            return entry
    raise ValueError(f"{name} does not exist. Existing names: {', '.join(entry.name for entry in entries)}")


def payload(
    directory: Directory,
    issuer: TokenIssuer,
    audience: str,
    *,
    site: str | None = None,
    user: str | None = None,
    daemon: str | None = None,
) -> dict[str, Any]:
    """Return the claims of a token that the tenant issues to this caller. Raises ValueError or TokenRequestError."""
    if sum(caller is not None for caller in (site, user, daemon)) > 1:
        raise ValueError("specify only one of site, user and daemon")
    api = directory.api(audience) or named(directory.applications, audience)
    resource = audience if api.matches_resource(audience) else (*api.app_id_uris, api.client_id)[0]
    if user is not None:
        person = named(directory.users, user)
        mfa = directory.mfa_policy(person, api) is not None
        token = issuer.issue_user_token(person, AZURE_CLI, resource, None, mfa=mfa)
    elif daemon is not None:
        token = issuer.issue_app_token(named(directory.applications, daemon), resource, lifetime=LIFETIME)
    else:
        origin = named(directory.sites, site) if site is not None else directory.sites[0]
        identity = next((one for one in origin.identities if one.system_assigned), None)
        if identity is None:
            raise ValueError(f"the site {origin.name} has no system-assigned identity")
        token = issuer.issue_app_token(identity, resource)
    claims: dict[str, Any] = jwt.decode(token.value, options={"verify_signature": False})
    return claims


def move_lifetime(claims: dict[str, Any], claim: str, seconds: float) -> None:
    """Shift `iat`, `nbf` and `exp` equally, so that `claim` becomes `seconds`, a time in seconds since 1970."""
    distance = int(seconds) - claims[claim]
    claims |= {name: claims[name] + distance for name in ("iat", "nbf", "exp")}


def sign(keys: KeyRing, claims: dict[str, Any], *, wrong_key: bool = False) -> str:
    """Return a token with these claims, signed with the tenant's current key.

    With `wrong_key`, the signing key is one that the tenant does not publish.
    """
    key = keys.current
    header = {"kid": key.kid, **({"x5t": key.kid} if claims.get("ver") == "1.0" else {})}
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048) if wrong_key else key.private
    return jwt.encode(claims, private, algorithm="RS256", headers=header)
