"""Invalid OpenID documents, and keys that must not be used."""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from local_azure.entra.key_ring import SigningKey
from tests.support.attacks.claims import GUID
from tests.support.forge import GONE
from tests.support.scripted import CLOSE, HANG, RESET, Reply, as_json, http
from tests.support.tenant import V2, Document, Tenant

OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"Content-Length: 100000\r\n\r\n"

# Invalid responses to a request for either document.
REPLIES: list[tuple[str, Reply]] = [
    ("500", http(500, b"{}")),
    ("404", http(404)),
    ("429", http(429, b"{}")),
    ("204", http(204)),
    ("an empty body", http(200)),
    ("not JSON", http(200, b"<html>maintenance</html>")),
    ("not a JSON object", as_json(200, ["keys"])),
    ("JSON in UTF-16", http(200, '{"keys": []}'.encode("utf-16"))),
    ("100,000 nested lists", http(200, b"[" * 100_000)),
    ("not HTTP", Reply(b"SSH-2.0-OpenSSH_9.6\r\n", then="close")),
    ("a closed connection", CLOSE),
    ("a truncated body", Reply(SIZED + b'{"keys": [', then="close")),
    ("a megabyte", Reply(OK + b"\r\n" + b" " * 1024 * 1024, then="close")),
    ("a reset", RESET),
]
# Responses that never end, so that only the fetch's time limit stops them.
ENDLESS: list[tuple[str, Reply]] = [
    ("no response", HANG),
    ("dripping headers", Reply(OK + b"X: y\r\n" * 1000, drip=True, whole=len(OK))),
    ("a dripping body", Reply(SIZED + b" " * 100_000, drip=True, whole=len(SIZED))),
]

Fault = Callable[[Tenant], None]


def metadata(**changes: Any) -> Fault:
    return lambda tenant: tenant.publish_metadata(V2, **changes)


def redirected(document: str) -> Fault:
    """Return a fault that redirects requests for the document to a valid copy."""

    def fault(tenant: Tenant) -> None:
        path = tenant.path(V2, document)  # type: ignore[arg-type]
        tenant.set_response("/copy", tenant.response_for(path))
        tenant.set_response(path, http(302, Location=f"{tenant.origin}/copy"))

    return fault


def created(document: str) -> Fault:
    """Return a fault that sends the valid document with status 201."""

    def fault(tenant: Tenant) -> None:
        keys = {"keys": [tenant.member(V2, tenant.own)]}
        content = keys if document == "keys" else tenant.metadata(V2)
        tenant.fail(as_json(201, content), document)  # type: ignore[arg-type]

    return fault


def keys_at(change: Callable[[str], str]) -> Fault:
    """Return a fault that changes the valid jwks_uri."""
    return lambda tenant: metadata(jwks_uri=change(tenant.origin + tenant.path(V2, "keys")))(tenant)


def key_document(value: Any) -> Fault:
    return lambda tenant: tenant.fail(as_json(200, value), "keys")


def either(replies: list[tuple[str, Reply]]) -> list[tuple[str, Fault]]:
    """Return the faults in which these replies replace one of the two documents."""
    documents: list[Document] = ["metadata", "keys"]
    return [(f"{d}: {label}", lambda tenant, r=r, d=d: tenant.fail(r, d)) for d in documents for label, r in replies]


ENDLESS_FAULTS = either(ENDLESS)

FAULTS: list[tuple[str, Fault]] = [
    *either(REPLIES),
    ("metadata: status 201 with a valid body", created("metadata")),
    ("keys: status 201 with a valid body", created("keys")),
    ("metadata: a redirect to valid metadata", redirected("metadata")),
    ("keys: a redirect to valid keys", redirected("keys")),
    ("issuer: another tenant", metadata(issuer=f"https://login.microsoftonline.com/{GUID}/v2.0")),
    ("issuer: a template", metadata(issuer="https://login.microsoftonline.com/{tenantid}/v2.0")),
    ("issuer: multitenant", metadata(issuer="https://login.microsoftonline.com/common/v2.0")),
    ("issuer: in v1 form", lambda t: metadata(issuer=f"{t.origin}/{t.tenant_id}/")(t)),
    ("issuer: an extra trailing slash", lambda t: metadata(issuer=f"{t.origin}/{t.tenant_id}/v2.0/")(t)),
    ("issuer: http on a non-loopback host", lambda t: metadata(issuer=f"http://example.com/{t.tenant_id}/v2.0")(t)),
    ("issuer: null", metadata(issuer=None)),
    ("issuer: a list", metadata(issuer=["x"])),
    ("jwks_uri: on another host", metadata(jwks_uri="https://evil.example/keys")),
    ("jwks_uri: on another loopback host", keys_at(lambda uri: uri.replace("127.0.0.1", "localhost"))),
    ("jwks_uri: http on a non-loopback host", metadata(jwks_uri="http://login.microsoftonline.com/keys")),
    (
        "jwks_uri: http on another host, with a loopback user name",
        metadata(jwks_uri="http://127.0.0.1@evil.example/keys"),
    ),
    ("jwks_uri: a user name before the host", keys_at(lambda uri: uri.replace("//", "//evil.example@"))),
    ("jwks_uri: a fragment", keys_at(lambda uri: f"{uri}#part")),
    ("jwks_uri: a file URL", metadata(jwks_uri="file:///etc/passwd")),
    ("jwks_uri: a path", metadata(jwks_uri="/keys")),
    ("jwks_uri: an invalid URL", metadata(jwks_uri="http://[")),
    ("jwks_uri: null", metadata(jwks_uri=None)),
    ("keys: missing", key_document({})),
    ("keys: an object", key_document({"keys": {}})),
    ("keys: an empty list", key_document({"keys": []})),
    ("keys: no usable key", key_document({"keys": [None, {"kty": "oct", "k": "c2VjcmV0", "kid": "x"}]})),
]


def small_modulus(bits: int) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return {"n": SigningKey(key, b"").jwk()["n"]}


# Changes to a valid JWK; GONE omits a member.
UNUSABLE_KEYS: list[tuple[str, Any]] = [
    ("1024 bits (RFC 7518 3.3)", lambda: small_modulus(1024)),
    ("2047 bits", lambda: small_modulus(2047)),
    ("use: encryption", {"use": "enc"}),
    ("use: unknown", {"use": "SIG"}),
    ("use: null", {"use": None}),
    ("key_ops: encrypt (RFC 7517 4.3)", {"key_ops": ["encrypt"]}),
    ("key_ops: sign, an operation of private keys", {"key_ops": ["sign", "verify"]}),
    ("key_ops: a string", {"key_ops": "verify"}),
    ("alg: RS512", {"alg": "RS512"}),
    ("alg: PS256", {"alg": "PS256"}),
    ("alg: RSA-OAEP, an encryption algorithm", {"alg": "RSA-OAEP"}),
    ("alg: a list", {"alg": ["RS256"]}),
    ("kty: elliptic curve", {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}),
    ("kty: symmetric", {"kty": "oct", "k": "c2VjcmV0"}),
    ("kty: missing", {"kty": GONE}),
    ("kty: lowercase", {"kty": "rsa"}),
    ("a private exponent", {"d": "AQ"}),
    ("a private exponent that is null", {"d": None}),
    ("modulus: missing", {"n": GONE}),
    ("modulus: empty", {"n": ""}),
    ("modulus: a number", {"n": 65537}),
    ("modulus: null", {"n": None}),
    ("modulus: a list", {"n": ["AQAB"]}),
    ("modulus: not ASCII", {"n": "ключ"}),
    ("exponent: missing", {"e": GONE}),
    ("exponent: 1", {"e": "AQ"}),
    ("exponent: even", {"e": "Ag"}),
    ("exponent: 0", {"e": "AA"}),
    ("exponent: empty", {"e": ""}),
    ("exponent: a JSON number", {"e": 65537}),
    ("exponent: larger than the modulus", {"e": "_" * 400}),
    ("kid: missing", {"kid": GONE}),
    ("kid: a number", {"kid": 1}),
    ("kid: a list", {"kid": ["kid"]}),
    ("issuer: another tenant", {"issuer": f"https://login.microsoftonline.com/{GUID}/v2.0"}),
    ("issuer: a template of another cloud", {"issuer": "https://login.microsoftonline.us/{tenantid}/v2.0"}),
    ("issuer: a number", {"issuer": 1}),
    ("issuer: null", {"issuer": None}),
]
