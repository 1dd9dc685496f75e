"""Tokens with which a developer tool acts for a user, as after `az login`."""

from local_azure.directory import Directory
from local_azure.refusals import Refused
from local_azure.scopes import asked_for
from local_azure.tokens import Issuer, Token

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class UserTokens:
    """Signs users of the tenant in without asking them anything."""

    def __init__(self, directory: Directory, issuer: Issuer) -> None:
        self._directory = directory
        self._issuer = issuer

    def get(self, name: str, scope: str, client_id: str = AZURE_CLI, *, mfa: bool = False) -> Token:
        """A token for what `scope` asks for (see scopes.py), with a second factor where `mfa`. Raises Refused."""
        user = self._directory.user(name)
        if user is None:
            raise Refused(50034, user=name, tenant=self._directory.name)
        resource, values = asked_for(scope)
        return self._issuer.for_user(user, client_id, resource, values, mfa=mfa)
