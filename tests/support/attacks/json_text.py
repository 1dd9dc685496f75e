"""JSON that two parsers could read differently, or one parser not at all (RFC 8725 sections 2.4 and 3.7)."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.attacks import Case
from tests.support.forge import Forge


def payload(change: Callable[[bytes], bytes]) -> Callable[[Forge], str]:
    """A good token's payload, changed as text and properly signed."""
    return lambda forge: forge.sign(change(json.dumps(forge.claims()).encode()))


def header(change: Callable[[bytes], bytes]) -> Callable[[Forge], str]:
    """The same for the header."""
    return lambda forge: forge.sign(forge.claims(), change(json.dumps(forge.header()).encode()))


def adding(member: bytes) -> Callable[[bytes], bytes]:
    return lambda text: text[:-1] + b", " + member + b"}"


def instead(text: bytes) -> Callable[[bytes], bytes]:
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
    ("minus Infinity, in a list", adding(b'"x": [-Infinity]')),
    ("a number too large for a float", adding(b'"x": 1e999')),
    ("a number too small for a float, nested", adding(b'"x": {"y": [-1e999]}')),
    ("an integer of 5,000 digits", adding(b'"x": ' + b"9" * 5000)),
    ("lists 5,000 deep", nested(5000, b"[", b"]")),
    ("objects 1,000 deep", nested(1000, b'{"a":', b"}")),
    ("lists 900 deep, which Python can still read", nested(900, b"[", b"]")),
    ("objects 40 deep", nested(40, b'{"a":', b"}")),
    ("the same member twice, nested", adding(b'"x": {"a": 1, "a": 1}')),
    ("the same member twice, in a list", adding(b'"x": [[{"a": 1, "a": 2}]]')),
    ("the empty member twice", adding(b'"": 1, "": 1')),
    ("half of a surrogate pair", adding(b'"x": "\\ud800"')),
    ("the other half, in a list", adding(b'"x": ["\\udc00"]')),
    ("half of a pair as a member's name", adding(b'"\\ud800": 1')),
    ("a surrogate in UTF-8", adding(b'"x": "\xed\xa0\x80"')),
    ("an overlong slash", adding(b'"x": "\xc0\xaf"')),
    ("Latin-1", adding(b'"x": "\xe9"')),
    ("a byte order mark", lambda text: b"\xef\xbb\xbf" + text),
    ("UTF-16", recoded("utf-16")),
    ("UTF-16 without mark", recoded("utf-16-be")),
    ("UTF-32", recoded("utf-32")),
    ("UTF-7", lambda text: text.replace(b"{", b"+AHs-")),
    ("data behind the object", lambda text: text + b" x"),
    ("two objects", lambda text: text + text),
    ("a NUL behind the object", lambda text: text + b"\0"),
    ("a comma too many", lambda text: text[:-1] + b",}"),
    ("a comment", lambda text: text + b"/* */"),
    ("single quotes", lambda text: text.replace(b'"', b"'")),
    ("a line break in a string", adding(b'"x": "a\nb"')),
    ("a leading zero", adding(b'"x": 01')),
    ("hexadecimal", adding(b'"x": 0x1')),
    *((f"not an object: {text.decode()}", instead(text)) for text in (b"[]", b'[{"a": 1}]', b'"a"', b"1", b"true")),
    ("not an object: null", instead(b"null")),
    ("nothing but a space", instead(b" ")),
    ("bytes at random", instead(bytes(range(256)))),
]

JSON: list[Case] = [
    *((f"payload: {why}", MALFORMED, payload(change)) for why, change in AMBIGUOUS),
    *((f"header: {why}", MALFORMED, header(change)) for why, change in AMBIGUOUS),
    ("alg twice", MALFORMED, header(adding(b'"alg": "none"'))),
    ("alg twice, the same", MALFORMED, header(adding(b'"alg": "RS256"'))),
    ("kid twice", MALFORMED, header(adding(b'"kid": "x"'))),
    ("roles twice", MALFORMED, payload(adding(b'"roles": ["Other"]'))),
    ("roles twice, once by escape", MALFORMED, payload(adding(b'"\\u0072oles": ["Other"]'))),
    ("exp twice", MALFORMED, payload(adding(b'"exp": 9000000000'))),
    ("aud twice, the same", MALFORMED, lambda f: payload(adding(b'"aud": "%s"' % f.api.client_id.encode()))(f)),
]


def carrying(value: Any) -> Callable[[Forge], str]:
    return lambda forge: forge.token(extra=value)


UNUSUAL: list[Case] = [
    ("white space around the object", "200 application", payload(lambda text: b"\n " + text + b"\r\n\t")),
    ("letters of every script, pairs of surrogates", "200 application", carrying("ключ 鍵 \U0001f511")),
    ("the same letter, not escaped", "200 application", payload(adding('"x": "\U0001f511"'.encode()))),
    ("lists 10 deep", "200 application", payload(nested(10, b"[", b"]"))),
    ("an integer of 300 digits", "200 application", carrying(10**300)),
    ("members that mean something elsewhere", "200 application", carrying({"__proto__": {"roles": ["DoAll"]}})),
]
