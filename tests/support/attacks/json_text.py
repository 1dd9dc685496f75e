"""JSON that parsers interpret differently or reject (RFC 8725 sections 2.4 and 3.7)."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.attacks import Case
from tests.support.forge import Forge


def payload(change: Callable[[bytes], bytes]) -> Callable[[Forge], str]:
    """Return a function that creates a properly signed token and changes its payload's text."""
    return lambda forge: forge.sign(change(json.dumps(forge.claims()).encode()))


def header(change: Callable[[bytes], bytes]) -> Callable[[Forge], str]:
    """Return a function that creates a properly signed token and changes its header's text."""
    return lambda forge: forge.sign(forge.claims(), change(json.dumps(forge.header()).encode()))


def adding(member: bytes) -> Callable[[bytes], bytes]:
    return lambda text: text[:-1] + b", " + member + b"}"


def replaced_by(text: bytes) -> Callable[[bytes], bytes]:
    return lambda _: text


def recoded(encoding: str) -> Callable[[bytes], bytes]:
    return lambda text: text.decode().encode(encoding)


def nested(depth: int, opening: bytes, closing: bytes) -> Callable[[bytes], bytes]:
    return adding(b'"x": ' + opening * depth + b"1" + closing * depth)


MALFORMED = "401 malformed_token"
Change = tuple[str, Callable[[bytes], bytes]]

AMBIGUOUS: list[Change] = [
    ("NaN", adding(b'"x": NaN')),
    ("Infinity", adding(b'"x": Infinity')),
    ("-Infinity, in a list", adding(b'"x": [-Infinity]')),
    ("a number too large for a float", adding(b'"x": 1e999')),
    ("a negative number too large for a float, nested", adding(b'"x": {"y": [-1e999]}')),
    ("an integer of 5,000 digits", adding(b'"x": ' + b"9" * 5000)),
    ("5,000 nested lists", nested(5000, b"[", b"]")),
    ("1,000 nested objects", nested(1000, b'{"a":', b"}")),
    ("900 nested lists, within Python's recursion limit", nested(900, b"[", b"]")),
    ("40 nested objects", nested(40, b'{"a":', b"}")),
    ("a duplicate member, nested", adding(b'"x": {"a": 1, "a": 1}')),
    ("a duplicate member, in a list", adding(b'"x": [[{"a": 1, "a": 2}]]')),
    ("a duplicate member with an empty name", adding(b'"": 1, "": 1')),
    ("an unpaired high surrogate", adding(b'"x": "\\ud800"')),
    ("an unpaired low surrogate, in a list", adding(b'"x": ["\\udc00"]')),
    ("an unpaired surrogate as a member's name", adding(b'"\\ud800": 1')),
    ("a surrogate encoded as UTF-8", adding(b'"x": "\xed\xa0\x80"')),
    ("an overlong UTF-8 encoding of a slash", adding(b'"x": "\xc0\xaf"')),
    ("a Latin-1 character", adding(b'"x": "\xe9"')),
    ("a byte order mark", lambda text: b"\xef\xbb\xbf" + text),
    ("UTF-16", recoded("utf-16")),
    ("UTF-16 without a byte order mark", recoded("utf-16-be")),
    ("UTF-32", recoded("utf-32")),
    ("UTF-7", lambda text: text.replace(b"{", b"+AHs-")),
    ("trailing data after the object", lambda text: text + b" x"),
    ("two objects", lambda text: text + text),
    ("a trailing NUL", lambda text: text + b"\0"),
    ("a trailing comma", lambda text: text[:-1] + b",}"),
    ("a comment", lambda text: text + b"/* */"),
    ("single quotes", lambda text: text.replace(b'"', b"'")),
    ("a line break in a string", adding(b'"x": "a\nb"')),
    ("a leading zero", adding(b'"x": 01')),
    ("a hexadecimal number", adding(b'"x": 0x1')),
    *((f"not an object: {text.decode()}", replaced_by(text)) for text in (b"[]", b'[{"a": 1}]', b'"a"', b"1", b"true")),
    ("not an object: null", replaced_by(b"null")),
    ("only a space", replaced_by(b" ")),
    ("all 256 byte values", replaced_by(bytes(range(256)))),
]

JSON: list[Case] = [
    *((f"payload: {label}", MALFORMED, payload(change)) for label, change in AMBIGUOUS),
    *((f"header: {label}", MALFORMED, header(change)) for label, change in AMBIGUOUS),
    ("duplicate alg with different values", MALFORMED, header(adding(b'"alg": "none"'))),
    ("duplicate alg with the same value", MALFORMED, header(adding(b'"alg": "RS256"'))),
    ("duplicate kid with different values", MALFORMED, header(adding(b'"kid": "x"'))),
    ("duplicate roles with different values", MALFORMED, payload(adding(b'"roles": ["Other"]'))),
    ("duplicate roles, one name with an escaped letter", MALFORMED, payload(adding(b'"\\u0072oles": ["Other"]'))),
    ("duplicate exp with different values", MALFORMED, payload(adding(b'"exp": 9000000000'))),
    (
        "duplicate aud with the same value",
        MALFORMED,
        lambda f: payload(adding(b'"aud": "%s"' % f.api.client_id.encode()))(f),
    ),
]


def with_extra_claim(value: Any) -> Callable[[Forge], str]:
    return lambda forge: forge.token(extra=value)


UNUSUAL: list[Case] = [
    ("white space around the object", "200 application", payload(lambda text: b"\n " + text + b"\r\n\t")),
    ("escaped non-ASCII letters and a surrogate pair", "200 application", with_extra_claim("ключ 鍵 \U0001f511")),
    ("an emoji that is not escaped", "200 application", payload(adding('"x": "\U0001f511"'.encode()))),
    ("10 nested lists", "200 application", payload(nested(10, b"[", b"]"))),
    ("an integer of 300 digits", "200 application", with_extra_claim(10**300)),
    ("a __proto__ member", "200 application", with_extra_claim({"__proto__": {"roles": ["DoAll"]}})),
]
