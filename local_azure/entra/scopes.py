"""Parse the `scope` parameter: `<resource>/.default`, or scopes of one resource, separated by spaces."""

from local_azure.entra.errors import TokenRequestError

DEFAULT = ".default"

# OpenID Connect scopes, which a client may request in addition to an API's scopes.
_OPENID = {"openid", "profile", "email", "offline_access"}


def parse_scope(scope: str) -> tuple[str, list[str] | None]:
    """Return the resource and the requested scopes (None for `.default`). Raises TokenRequestError."""
    requested = [part.rpartition("/") for part in scope.split() if part not in _OPENID]
    resource = requested[0][0] if requested else ""
    if not resource or any(other != resource for other, _, _ in requested):
        raise TokenRequestError(70011, scope=scope)
    values = [value for _, _, value in requested]
    return resource, None if DEFAULT in values else values
