"""What a compact JWS may look like (RFC 7515 section 7.1), and what else is offered in its place."""

import json
from collections.abc import Callable

from tests.support.attacks import Case
from tests.support.forge import Forge, base64url, encode

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
KIB = 1024


def part(number: int, change: Callable[[str], str]) -> Callable[[Forge], str]:
    """A good token with one of its three segments changed."""

    def make(forge: Forge) -> str:
        segments = uneven(forge).split(".")
        segments[number] = change(segments[number])
        return ".".join(segments)

    return make


def uneven(forge: Forge) -> str:
    """A good token whose segments all end in a character with bits to spare."""
    for extra in range(9):
        token = forge.sign(forge.claims(extra="x" * (extra % 3)), forge.header(extra="x" * (extra // 3)))
        if all(len(segment) % 4 for segment in token.split(".")):
            return token
    raise AssertionError("no such token")


def respelled(segment: str) -> str:
    """The same bytes by another last character, for those who ignore the bits to spare."""
    return segment[:-1] + ALPHABET[ALPHABET.index(segment[-1]) ^ 1]


def of_size(forge: Forge, size: int) -> str:
    """A good token of exactly this many characters."""
    filler = (size - len(forge.token(extra="", other=""))) * 3 // 4
    # Payload and header grow by 4, 3, 3, ... and 2 characters at a time: between them they reach every number.
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


JWE = encode({"alg": "RSA-OAEP", "enc": "A256GCM"}) + ".".join(["", *[base64url(b"x" * 32)] * 4])

FORM: list[Case] = [
    ("bits to spare, but none of them used", "200 application", uneven),
    ("6 KB: a caller in many groups", "200 application", lambda f: f.token(groups=["g" * 36] * 110)),
    ("16 KiB to the byte", "200 application", lambda f: of_size(f, 16 * KIB)),
    ("16 KiB and a byte", "401 malformed_token", lambda f: of_size(f, 16 * KIB + 1)),
    ("48 KiB", "401 malformed_token", lambda f: f.token(extra="x" * 36 * KIB)),
    ("16 KiB and a byte of nothing", "401 malformed_token", lambda f: "x" * (16 * KIB + 1)),
    ("one segment", "401 malformed_token", lambda f: f.token().replace(".", "")),
    ("two segments", "401 malformed_token", lambda f: f.token().rpartition(".")[0]),
    ("four segments", "401 malformed_token", lambda f: f.token() + ".AAAA"),
    ("four segments, the last empty", "401 malformed_token", lambda f: f.token() + "."),
    ("an empty segment in front", "401 malformed_token", lambda f: "." + f.token()),
    ("dots alone", "401 malformed_token", lambda f: ".."),
    ("no header", "401 malformed_token", part(0, lambda _: "")),
    ("no payload (RFC 7515 appendix F)", "401 malformed_token", part(1, lambda _: "")),
    ("no signature", "401 malformed_token", part(2, lambda _: "")),
    ("padding behind the header", "401 malformed_token", part(0, lambda s: s + "=" * (-len(s) % 4))),
    ("padding behind the payload", "401 malformed_token", part(1, lambda s: s + "=" * (-len(s) % 4))),
    ("padding behind the signature", "401 malformed_token", part(2, lambda s: s + "=" * (-len(s) % 4))),
    ("padding, percent-encoded", "401 malformed_token", part(2, lambda s: s + "%3D")),
    ("another spelling of the header", "401 malformed_token", part(0, respelled)),
    ("another spelling of the payload", "401 malformed_token", part(1, respelled)),
    ("another spelling of the signature", "401 malformed_token", part(2, respelled)),
    ("a segment of 4n+1 characters", "401 malformed_token", part(2, lambda s: s + "A" * (5 - len(s) % 4))),
    ("base64 where base64url is due: +", "401 malformed_token", part(2, lambda s: "+" + s[1:])),
    ("base64 where base64url is due: /", "401 malformed_token", part(2, lambda s: "/" + s[1:])),
    ("a space inside", "401 malformed_token", part(1, lambda s: s[:9] + " " + s[9:])),
    ("a NUL by escape", "401 malformed_token", part(2, lambda s: s + "%00")),
    ("JWE (RFC 7516)", "401 malformed_token", lambda f: JWE),
    ("JWE with an empty key, as alg dir has it", "401 malformed_token", lambda f: JWE.replace(".", "..", 1)),
    ("a nested token that says so", "401 unsupported_token", lambda f: nested(f, cty="JWT")),
    ("a nested token that does not", "401 malformed_token", nested),
    ("JWS in JSON serialization", "401 malformed_token", json_serialization),
    ("a token in base64", "401 malformed_token", lambda f: base64url(f.token().encode())),
    ("SAML", "401 malformed_token", lambda f: base64url(b"<saml:Assertion/>")),
    ("an opaque token", "401 malformed_token", lambda f: "0.AXoAuj2a.AQABAAIAAAAm-06blBE1TpVMil8KPQ41.x.y"),
]
