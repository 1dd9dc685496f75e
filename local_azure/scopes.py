"""What a user's token is asked for: `<resource>/.default`, or single scopes of one resource, space-separated."""

from local_azure.refusals import Refused

DEFAULT = ".default"

# What every client may ask for beside scopes of an API.
_OPENID = {"openid", "profile", "email", "offline_access"}


def asked_for(scope: str) -> tuple[str, list[str] | None]:
    """The resource, and the scopes of it; None is `.default`, all that there is consent for. Raises Refused."""
    asked = [part.rpartition("/") for part in scope.split() if part not in _OPENID]
    resource = asked[0][0] if asked else ""
    if not resource or any(other != resource for other, _, _ in asked):
        raise Refused(70011, scope=scope)
    values = [value for _, _, value in asked]
    return resource, None if DEFAULT in values else values
