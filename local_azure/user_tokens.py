"""Tokens with which a developer tool acts for a user, as after `az login`."""

from local_azure.directory import Directory
from local_azure.refusals import Refused
from local_azure.tokens import Issuer, Token

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
DEFAULT = ".default"

# What every client may ask for beside scopes of an API.
_OPENID = {"openid", "profile", "email", "offline_access"}


class UserTokens:
    """Signs users of the tenant in without asking them anything."""

    def __init__(self, directory: Directory, issuer: Issuer) -> None:
        self._directory = directory
        self._issuer = issuer

    def get(self, name: str, scope: str, client_id: str = AZURE_CLI) -> Token:
        """A token for `<resource>/.default` or for single scopes of one resource, space-separated. Raises Refused."""
        user = self._directory.user(name)
        if user is None:
            raise Refused(50034, user=name, tenant=self._directory.name)
        asked = [part.rpartition("/") for part in scope.split() if part not in _OPENID]
        resource = asked[0][0] if asked else ""
        if not resource or any(other != resource for other, _, _ in asked):
            raise Refused(70011, scope=scope)
        values = [value for _, _, value in asked]
        return self._issuer.for_user(user, client_id, resource, None if DEFAULT in values else values)
