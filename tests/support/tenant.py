"""A tenant whose metadata and key documents can be removed, replaced or made to fail."""

import threading
from collections.abc import Callable
from typing import Any, Literal, Self

from local_azure.cloud import LocalAzure
from local_azure.entra.key_ring import SigningKey
from tests.support.scripted import Reply, Request, Scripted, as_json, http

Document = Literal["metadata", "keys"]
Response = Reply | Callable[[Request], Reply]
V1, V2 = VERSIONS = ("1.0", "2.0")


def delayed(released: threading.Event, response: Response) -> Response:
    """Return a function that waits for `released` before it responds."""

    def wait(request: Request) -> Reply:
        released.wait(30)
        return response(request) if callable(response) else response

    return wait


class Tenant(Scripted):
    """The metadata and keys of `azure` at a separate origin, so that tokens of `azure` are valid there."""

    def __init__(self, azure: LocalAzure) -> None:
        super().__init__(self._reply)
        self.tenant_id = azure.directory.tenant_id
        self.own = azure.keys.current
        self._issuers = {V1: azure.issuer.issuer(1), V2: azure.issuer.issuer(2)}
        self._responses: dict[str, Response] = {}

    def __enter__(self) -> Self:
        super().__enter__()
        self.publish(self.own)
        return self

    def _reply(self, request: Request) -> Reply:
        response = self._responses.get(request.target, http(404))
        return response(request) if callable(response) else response

    def set_response(self, path: str, response: Response) -> None:
        self._responses[path] = response

    def response_for(self, path: str) -> Response:
        return self._responses[path]

    @property
    def paths(self) -> list[str]:
        """The path of each request, in order."""
        return [request.target for request in self.requests]

    def path(self, version: str, document: Document) -> str:
        folder = f"/{self.tenant_id}" + ("/v2.0" if version == V2 else "")
        if document == "metadata":
            return f"{folder}/.well-known/openid-configuration"
        return f"/{self.tenant_id}/discovery" + ("/v2.0/keys" if version == V2 else "/keys")

    def fetches(self, version: str, document: Document = "metadata") -> int:
        """Return the number of requests for the document."""
        return self.paths.count(self.path(version, document))

    def publish(self, *keys: SigningKey) -> None:
        """Publish valid metadata and exactly these keys for both versions."""
        for version in VERSIONS:
            self.publish_metadata(version)
            self.publish_members(version, *(self.member(version, key) for key in keys))

    def recover(self) -> None:
        """Publish valid metadata and the key that the tenant signs with."""
        self.publish(self.own)

    def publish_metadata(self, version: str, **changes: Any) -> None:
        self.set_response(self.path(version, "metadata"), as_json(200, {**self.metadata(version), **changes}))

    def metadata(self, version: str) -> dict[str, Any]:
        """Return the valid metadata document."""
        return {"issuer": self._issuers[version], "jwks_uri": self.origin + self.path(version, "keys")}

    def publish_members(self, version: str, *members: Any) -> None:
        self.set_response(self.path(version, "keys"), as_json(200, {"keys": members}))

    def member(self, version: str, key: SigningKey, **changes: Any) -> dict[str, Any]:
        """Return a key as a member of the version's JWKS."""
        issuer = {"issuer": self._issuers[V2]} if version == V2 else {}
        return {**key.jwk(), **issuer, **changes}

    def fail(self, response: Response, document: Document = "metadata", *versions: str) -> None:
        """Respond with this to requests for the document, for all versions by default."""
        for version in versions or VERSIONS:
            self.set_response(self.path(version, document), response)
