"""Which application asks at the token endpoint, and how it proves that it is the one."""

import hmac
from collections.abc import Mapping

from local_azure.assertions import Assertions
from local_azure.directory import Directory
from local_azure.principals import Application, ManagedIdentity, Site
from local_azure.refusals import Refused
from local_azure.tokens import CERTIFICATE, SECRET

# RFC 7523 section 2.2
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Form = Mapping[str, str]


def required(form: Form, name: str) -> str:
    """A parameter that has to be there. Raises Refused."""
    if not form.get(name):
        raise Refused(900144, parameter=name)
    return form[name]


def of_site(directory: Directory, site: Site) -> tuple[Application, ManagedIdentity] | None:
    """The application that trusts one of the site's identities as itself, and that identity."""
    found = (
        (app, identity)
        for app in directory.applications
        for trusted in app.federated_credentials
        for identity in site.identities
        if trusted.issuer is None and trusted.subject == identity.object_id
    )
    return next(found, None)


class Clients:
    """The tenant's applications as clients: with a secret, or with a token that a federated credential trusts."""

    def __init__(self, directory: Directory, assertions: Assertions) -> None:
        self._directory = directory
        self._assertions = assertions

    def authenticate(self, form: Form) -> tuple[Application, str]:
        """The client that asks, and what it proved itself with (as tokens say it). Raises Refused."""
        client_id = required(form, "client_id")
        client = next((app for app in self._directory.applications if app.client_id == client_id.lower()), None)
        if client is None:
            raise Refused(700016, client=client_id, tenant=self._directory.name)
        if form.get("client_assertion"):
            if required(form, "client_assertion_type") != ASSERTION_TYPE:
                raise Refused(90023)
            self._assertions.check_client(client, form["client_assertion"])
            return client, CERTIFICATE
        given = form.get("client_secret", "").encode()
        if not given:
            raise Refused(7000218)
        if not any(hmac.compare_digest(given, secret.encode()) for secret in client.secrets):
            raise Refused(7000215, client=client_id)
        return client, SECRET
