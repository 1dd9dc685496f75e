"""Serialization of tokens: the compact JWS (RFC 7515 section 7.1) and other formats."""

import json
from collections.abc import Callable

from tests.support.attacks import Case
from tests.support.forge import Forge, base64url, encode

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
KIB = 1024


def with_segment(number: int, change: Callable[[str], str]) -> Callable[[Forge], str]:
    """Return a function that creates a valid token with one of its segments changed."""

    def make(forge: Forge) -> str:
        segments = with_unused_bits(forge).split(".")
        segments[number] = change(segments[number])
        return ".".join(segments)

    return make


def with_unused_bits(forge: Forge) -> str:
    """Return a valid token whose segments all end in a character with unused bits."""
    for extra in range(9):
        token = forge.sign(forge.claims(extra="x" * (extra % 3)), forge.header(extra="x" * (extra // 3)))
        if all(len(segment) % 4 for segment in token.split(".")):
            return token
    raise AssertionError("no such token")


def with_unused_bit_set(segment: str) -> str:
    """Set an unused bit of the last character. Lenient decoders still return the same bytes."""
    return segment[:-1] + ALPHABET[ALPHABET.index(segment[-1]) ^ 1]


def of_size(forge: Forge, size: int) -> str:
    """Return a valid token of exactly `size` characters."""
    filler = (size - len(forge.token(extra="", other=""))) * 3 // 4
    # A byte more of payload or header adds one or two characters, so some combination of both has the exact size.
    for claim in range(max(0, filler - 8), filler + 1):
        for member in range(4):
            token = forge.sign(forge.claims(extra="x" * claim), forge.header(extra="x" * member))
            if len(token) == size:
                return token
    raise AssertionError("no such token")


def nested(forge: Forge, **header: str) -> str:
    return forge.sign(forge.token().encode(), forge.header(**header))


def json_serialization(forge: Forge) -> str:
    protected, payload, signature = forge.token().split(".")
    return json.dumps({"payload": payload, "protected": protected, "signature": signature}).replace(" ", "")


def jwe(alg: str, encrypted_key: bytes) -> str:
    segments = [base64url(part) for part in (encrypted_key, b"x" * 12, b"x" * 32, b"x" * 16)]
    return ".".join([encode({"alg": alg, "enc": "A256GCM"}), *segments])


FORM: list[Case] = [
    ("zeros as the unused trailing bits (RFC 4648 section 3.5)", "200 application", with_unused_bits),
    ("6 KB: a caller in 110 groups", "200 application", lambda f: f.token(groups=["g" * 36] * 110)),
    ("exactly 16 KiB", "200 application", lambda f: of_size(f, 16 * KIB)),
    ("16 KiB and one byte", "401 malformed_token", lambda f: of_size(f, 16 * KIB + 1)),
    ("48 KiB", "401 malformed_token", lambda f: f.token(extra="x" * 36 * KIB)),
    ("16 KiB and one byte, without dots", "401 malformed_token", lambda f: "x" * (16 * KIB + 1)),
    ("one segment", "401 malformed_token", lambda f: f.token().replace(".", "")),
    ("two segments", "401 malformed_token", lambda f: f.token().rpartition(".")[0]),
    ("four segments", "401 malformed_token", lambda f: f.token() + ".AAAA"),
    ("four segments, the last empty", "401 malformed_token", lambda f: f.token() + "."),
    ("a leading empty segment", "401 malformed_token", lambda f: "." + f.token()),
    ("only two dots", "401 malformed_token", lambda f: ".."),
    ("no header", "401 malformed_token", with_segment(0, lambda _: "")),
    ("no payload: detached content (RFC 7515 appendix F)", "401 malformed_token", with_segment(1, lambda _: "")),
    ("no signature", "401 malformed_token", with_segment(2, lambda _: "")),
    ("padding after the header", "401 malformed_token", with_segment(0, lambda s: s + "=" * (-len(s) % 4))),
    ("padding after the payload", "401 malformed_token", with_segment(1, lambda s: s + "=" * (-len(s) % 4))),
    ("padding after the signature", "401 malformed_token", with_segment(2, lambda s: s + "=" * (-len(s) % 4))),
    ("percent-encoded padding", "401 malformed_token", with_segment(2, lambda s: s + "%3D")),
    ("an unused trailing bit of the header is set", "401 malformed_token", with_segment(0, with_unused_bit_set)),
    ("an unused trailing bit of the payload is set", "401 malformed_token", with_segment(1, with_unused_bit_set)),
    ("an unused trailing bit of the signature is set", "401 malformed_token", with_segment(2, with_unused_bit_set)),
    ("a segment of 4n+1 characters", "401 malformed_token", with_segment(2, lambda s: s + "A" * (5 - len(s) % 4))),
    ("base64 instead of base64url: +", "401 malformed_token", with_segment(2, lambda s: "+" + s[1:])),
    ("base64 instead of base64url: /", "401 malformed_token", with_segment(2, lambda s: "/" + s[1:])),
    ("a space inside the payload", "401 malformed_token", with_segment(1, lambda s: s[:9] + " " + s[9:])),
    ("a percent-encoded NUL after the signature", "401 malformed_token", with_segment(2, lambda s: s + "%00")),
    ("JWE (RFC 7516)", "401 malformed_token", lambda f: jwe("RSA-OAEP", b"x" * 256)),
    ("JWE with an empty encrypted key (alg dir)", "401 malformed_token", lambda f: jwe("dir", b"")),
    ("a nested token with cty JWT", "401 unsupported_token", lambda f: nested(f, cty="JWT")),
    ("a nested token without cty", "401 malformed_token", nested),
    ("JWS in JSON serialization", "401 malformed_token", json_serialization),
    ("a token encoded in base64url", "401 malformed_token", lambda f: base64url(f.token().encode())),
    ("a SAML assertion", "401 malformed_token", lambda f: base64url(b"<saml:Assertion/>")),
    ("an opaque token", "401 malformed_token", lambda f: "0.AXoAuj2a.AQABAAIAAAAm-06blBE1TpVMil8KPQ41.x.y"),
]
