"""Ways in which a tenant's documents can be bad, and keys in them that must not be used."""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from local_azure.entra.key_ring import SigningKey
from tests.support.attacks.claims import GUID
from tests.support.scripted import CLOSE, HANG, RESET, Reply, as_json, http
from tests.support.tenant import V2, Document, Tenant

OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"Content-Length: 100000\r\n\r\n"

# What can go wrong with either document at once, and for as long as anybody waits.
REPLIES: list[tuple[str, Reply]] = [
    ("500", http(500, b"{}")),
    ("404", http(404)),
    ("429", http(429, b"{}")),
    ("204", http(204)),
    ("an empty answer", http(200)),
    ("no JSON", http(200, b"<html>maintenance</html>")),
    ("JSON that is no object", as_json(200, ["keys"])),
    ("JSON in UTF-16", http(200, '{"keys": []}'.encode("utf-16"))),
    ("JSON of bottomless depth", http(200, b"[" * 100_000)),
    ("no HTTP", Reply(b"SSH-2.0-OpenSSH_9.6\r\n", then="close")),
    ("nothing at all", CLOSE),
    ("cut short", Reply(SIZED + b'{"keys": [', then="close")),
    ("a megabyte", Reply(OK + b"\r\n" + b" " * 1024 * 1024, then="close")),
    ("a reset", RESET),
]
ENDLESS: list[tuple[str, Reply]] = [
    ("silence", HANG),
    ("dripping headers", Reply(OK + b"X: y\r\n" * 1000, drip=True, whole=len(OK))),
    ("a dripping body", Reply(SIZED + b" " * 100_000, drip=True, whole=len(SIZED))),
]

Fault = Callable[[Tenant], None]


def metadata(**changes: Any) -> Fault:
    return lambda tenant: tenant.publish_metadata(V2, **changes)


def elsewhere(document: str) -> Fault:
    """A redirect to a copy of the document that is good."""

    def fault(tenant: Tenant) -> None:
        good = tenant.path(V2, document)  # type: ignore[arg-type]
        tenant.behave("/copy", tenant.behaviour(good))
        tenant.behave(good, http(302, Location=f"{tenant.origin}/copy"))

    return fault


def created(document: str) -> Fault:
    """The good document, with another status than 200."""

    def fault(tenant: Tenant) -> None:
        keys = {"keys": [tenant.member(V2, tenant.own)]}
        content = keys if document == "keys" else tenant.metadata(V2)
        tenant.fail(as_json(201, content), document)  # type: ignore[arg-type]

    return fault


def keys_at(change: Callable[[str], str]) -> Fault:
    """Metadata whose jwks_uri is another spelling of where good keys are."""
    return lambda tenant: metadata(jwks_uri=change(tenant.origin + tenant.path(V2, "keys")))(tenant)


def key_document(value: Any) -> Fault:
    return lambda tenant: tenant.fail(as_json(200, value), "keys")


def either(replies: list[tuple[str, Reply]]) -> list[tuple[str, Fault]]:
    """Of one document or the other."""
    documents: list[Document] = ["metadata", "keys"]
    return [(f"{d}: {why}", lambda tenant, r=r, d=d: tenant.fail(r, d)) for d in documents for why, r in replies]


# Those that a fetch has to end by itself.
ENDLESS_FAULTS = either(ENDLESS)

FAULTS: list[tuple[str, Fault]] = [
    *either(REPLIES),
    ("metadata: 201 with a good body", created("metadata")),
    ("keys: 201 with a good body", created("keys")),
    ("metadata: a redirect to good metadata", elsewhere("metadata")),
    ("keys: a redirect to good keys", elsewhere("keys")),
    ("issuer: another tenant's", metadata(issuer=f"https://login.microsoftonline.com/{GUID}/v2.0")),
    ("issuer: a template's", metadata(issuer="https://login.microsoftonline.com/{tenantid}/v2.0")),
    ("issuer: many tenants'", metadata(issuer="https://login.microsoftonline.com/common/v2.0")),
    ("issuer: version 1's", lambda t: metadata(issuer=f"{t.origin}/{t.tenant_id}/")(t)),
    ("issuer: a slash too many", lambda t: metadata(issuer=f"{t.origin}/{t.tenant_id}/v2.0/")(t)),
    ("issuer: on http in the world", lambda t: metadata(issuer=f"http://example.com/{t.tenant_id}/v2.0")(t)),
    ("issuer: none", metadata(issuer=None)),
    ("issuer: a list", metadata(issuer=["x"])),
    ("jwks_uri: on another host", metadata(jwks_uri="https://evil.example/keys")),
    ("jwks_uri: on another loopback host", keys_at(lambda uri: uri.replace("127.0.0.1", "localhost"))),
    ("jwks_uri: on http in the world", metadata(jwks_uri="http://login.microsoftonline.com/keys")),
    ("jwks_uri: another host after a user name", metadata(jwks_uri="http://127.0.0.1@evil.example/keys")),
    ("jwks_uri: a user name in front", keys_at(lambda uri: uri.replace("//", "//evil.example@"))),
    ("jwks_uri: a fragment", keys_at(lambda uri: f"{uri}#part")),
    ("jwks_uri: a file", metadata(jwks_uri="file:///etc/passwd")),
    ("jwks_uri: a path", metadata(jwks_uri="/keys")),
    ("jwks_uri: no URL", metadata(jwks_uri="http://[")),
    ("jwks_uri: none", metadata(jwks_uri=None)),
    ("keys: no such member", key_document({})),
    ("keys: an object", key_document({"keys": {}})),
    ("keys: none in the list", key_document({"keys": []})),
    ("keys: none that is usable", key_document({"keys": [None, {"kty": "oct", "k": "c2VjcmV0", "kid": "x"}]})),
]


def small(bits: int) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return {"n": SigningKey(key, b"").jwk()["n"]}


# A member that is good but for these changes; ... for a member that is not there.
UNUSABLE_KEYS: list[tuple[str, Any]] = [
    ("1024 bits (RFC 7518 3.3)", lambda: small(1024)),
    ("2047 bits", lambda: small(2047)),
    ("for encryption", {"use": "enc"}),
    ("for a use that nobody knows", {"use": "SIG"}),
    ("for no use", {"use": None}),
    ("to encrypt with (RFC 7517 4.3)", {"key_ops": ["encrypt"]}),
    ("to sign with, which no public key can", {"key_ops": ["sign", "verify"]}),
    ("key_ops of the wrong type", {"key_ops": "verify"}),
    ("for another algorithm: RS512", {"alg": "RS512"}),
    ("for another algorithm: PS256", {"alg": "PS256"}),
    ("for encryption, by its algorithm", {"alg": "RSA-OAEP"}),
    ("an alg that is no string", {"alg": ["RS256"]}),
    ("elliptic", {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}),
    ("symmetric", {"kty": "oct", "k": "c2VjcmV0"}),
    ("of no type", {"kty": ...}),
    ("kty in another case", {"kty": "rsa"}),
    ("with its private half", {"d": "AQ"}),
    ("with an empty private half", {"d": None}),
    ("no modulus", {"n": ...}),
    ("an empty modulus", {"n": ""}),
    ("a modulus that is a number", {"n": 65537}),
    ("a modulus that is null", {"n": None}),
    ("a modulus in a list", {"n": ["AQAB"]}),
    ("a modulus outside ASCII", {"n": "ключ"}),
    ("no exponent", {"e": ...}),
    ("exponent one", {"e": "AQ"}),
    ("an even exponent", {"e": "Ag"}),
    ("exponent zero", {"e": "AA"}),
    ("an empty exponent", {"e": ""}),
    ("an exponent that is a number", {"e": 65537}),
    ("an exponent larger than the modulus", {"e": "_" * 400}),
    ("no kid", {"kid": ...}),
    ("a kid that is a number", {"kid": 1}),
    ("a kid in a list", {"kid": ["kid"]}),
    ("of another tenant", {"issuer": f"https://login.microsoftonline.com/{GUID}/v2.0"}),
    ("of another cloud's template", {"issuer": "https://login.microsoftonline.us/{tenantid}/v2.0"}),
    ("an issuer that is a number", {"issuer": 1}),
    ("an issuer that is null", {"issuer": None}),
]
