"""Access tokens for users of developer tools such as Azure CLI."""

from local_azure.entra.errors import TokenRequestError
from local_azure.entra.scopes import parse_scope
from local_azure.entra.token_issuer import Token, TokenIssuer
from local_azure.tenant.directory import Directory

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class UserTokens:
    """Issues tokens to users without interactive sign-in."""

    def __init__(self, directory: Directory, issuer: TokenIssuer) -> None:
        self._directory = directory
        self._issuer = issuer

    def get(self, name: str, scope: str, client_id: str = AZURE_CLI, *, mfa: bool = False) -> Token:
        """Return a token for `scope`. With `mfa`, the user signs in with a second factor. Raises TokenRequestError."""
        user = self._directory.user(name)
        if user is None:
            raise TokenRequestError(50034, user=name, tenant=self._directory.name)
        resource, values = parse_scope(scope)
        return self._issuer.issue_user_token(user, client_id, resource, values, mfa=mfa)
