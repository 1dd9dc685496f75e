"""Client authentication at the token endpoint, with a secret or a client assertion."""

import hmac
from collections.abc import Mapping

from local_azure.entra.assertions import AssertionValidator
from local_azure.entra.errors import TokenRequestError
from local_azure.entra.token_issuer import CERTIFICATE, SECRET
from local_azure.tenant.directory import Directory
from local_azure.tenant.principals import Application

# RFC 7523 section 2.2
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Form = Mapping[str, str]


def required(form: Form, name: str) -> str:
    """Return a parameter. Raises TokenRequestError if the parameter is missing or empty."""
    if not form.get(name):
        raise TokenRequestError(900144, parameter=name)
    return form[name]


class ClientAuthenticator:
    """Authenticates the tenant's applications as clients."""

    def __init__(self, directory: Directory, assertions: AssertionValidator) -> None:
        self._directory = directory
        self._assertions = assertions

    def authenticate(self, form: Form) -> tuple[Application, str]:
        """Return the client and the value of `azpacr` for the authentication method. Raises TokenRequestError."""
        client_id = required(form, "client_id")
        client = next((app for app in self._directory.applications if app.client_id == client_id.lower()), None)
        if client is None:
            raise TokenRequestError(700016, client=client_id, tenant=self._directory.name)
        if form.get("client_assertion"):
            if required(form, "client_assertion_type") != ASSERTION_TYPE:
                raise TokenRequestError(90023)
            self._assertions.validate_client_assertion(client, form["client_assertion"])
            return client, CERTIFICATE
        secret = form.get("client_secret", "").encode()
        if not secret:
            raise TokenRequestError(7000218)
        if not any(hmac.compare_digest(secret, expected.encode()) for expected in client.secrets):
            raise TokenRequestError(7000215, client=client_id)
        return client, SECRET
