"""What holds whatever is sent: nothing but a good token gets in, and nothing at all is a 500.

Over HTTP against a Functions host. `make fuzz` runs these with far more examples and a new seed each time.
"""

import base64
import json
import string
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.answers import checked
from tests.support.apps import Host
from tests.support.attacks.easy_auth import NAME, document, entries, header
from tests.support.forge import Forge, base64url, encode
from tests.support.wire import Call, bearer, send

SEND = Callable[[Call], str]

# What can stand in a header at all; the rest is refused by the server, before any function.
header_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=200)
token_text = st.text(string.ascii_letters + string.digits + "-_.=+/", max_size=300)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def ask(aad_host: Host) -> SEND:
    return lambda call: checked(send(aad_host.url("aad-func"), call), call)


@pytest.fixture(scope="module")
def ask_easy_auth(easy_auth_host: Host) -> SEND:
    return lambda call: checked(send(easy_auth_host.url("aad-func"), call), call)


@pytest.fixture(scope="module")
def good(forge: Forge) -> str:
    return forge.token()


def is_in(outcome: str) -> bool:
    return outcome.startswith("200 ")


@given(
    header_text | token_text.map("Bearer {}".format) | st.binary(max_size=200).map(lambda b: f"Bearer {base64url(b)}")
)
def test_what_is_no_token_is_refused(ask: SEND, text: str):
    assert not is_in(ask(Call((("Authorization", text),))))


@given(st.tuples(json_values, json_values, st.binary(max_size=300)))
def test_any_json_in_the_form_of_a_token_is_refused(ask: SEND, parts: tuple[Any, Any, bytes]):
    assert not is_in(ask(bearer(f"{encode(parts[0])}.{encode(parts[1])}.{base64url(parts[2])}")))


@given(st.data())
def test_a_good_token_with_one_bit_turned_is_refused(ask: SEND, good: str, data: st.DataObject):
    segments = [bytearray(base64.urlsafe_b64decode(segment + "==")) for segment in good.split(".")]
    segment = data.draw(st.sampled_from(segments))
    segment[data.draw(st.integers(0, len(segment) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not is_in(ask(bearer(".".join(map(base64url, segments)))))


@given(st.data())
def test_a_good_token_with_characters_changed_is_refused(ask: SEND, good: str, data: st.DataObject):
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 8)))
    changed = good[:start] + data.draw(token_text) + good[end:]
    assume(changed != good)
    assert not is_in(ask(bearer(changed)))


@given(st.data())
def test_segments_of_good_tokens_make_no_other_good_token(ask: SEND, forge: Forge, good: str, data: st.DataObject):
    others = [good, forge.token(user=True), forge.token(version=1)]
    pool = [segment for token in others for segment in token.split(".")]
    mixed = ".".join(data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=5)))
    # Headers are the same in all three.
    assume(mixed.split(".", 1)[-1] not in {token.split(".", 1)[1] for token in others})
    assert not is_in(ask(bearer(mixed)))


def lets_in(name: str, value: Any) -> bool:
    """May an application's token with this value of a claim get in? Written down a second time, on purpose."""
    if name == "exp":
        return type(value) in (int, float) and time.time() < value < 10**11
    if name == "nbf":
        return type(value) in (int, float) and 0 < value < time.time()
    if name == "azp":
        return isinstance(value, str) and value != ""
    if name == "roles":
        return isinstance(value, list) and all(type(role) is str for role in value) and "DoAll" in value
    return name == "iat"


role_lists = st.lists(st.sampled_from(["DoAll", "doall", "DoAll ", "Other", "", None, 1, ["DoAll"]]), max_size=4)
times = st.integers(-(10**12), 10**12) | st.floats(1, 1e12)


@given(st.data())
def test_a_claim_with_another_value_lets_in_only_where_that_value_is_good(ask: SEND, forge: Forge, data: st.DataObject):
    claims = forge.claims()
    name = data.draw(st.sampled_from(sorted(claims)))
    special = {"roles": role_lists, "exp": times, "nbf": times}
    value = data.draw(json_values | special.get(name, st.text(max_size=10)))
    assume(type(value) is not type(claims[name]) or value != claims[name])
    assume(name not in ("exp", "nbf") or type(value) not in (int, float) or abs(value - time.time()) > 1000)
    assert is_in(ask(bearer(forge.sign({**claims, name: value})))) == lets_in(name, value)


@given(st.text(max_size=20), json_values)
def test_a_claim_that_nobody_knows_changes_nothing(ask: SEND, forge: Forge, name: str, value: Any):
    claims = forge.claims()
    assume(name not in {*claims, "scp", "idtyp"})
    assert ask(bearer(forge.sign({**claims, name: value}))) == "200 application"


@given(st.data())
def test_a_header_with_another_value_lets_in_only_without_typ(ask: SEND, forge: Forge, data: st.DataObject):
    good = forge.header()
    name = data.draw(st.sampled_from([*good, "crit", "b64", "cty", "enc", "zip"]))
    value = data.draw(json_values)
    assume(value != good.get(name, ...) and not (name == "typ" and value == "jwt"))
    assert not is_in(ask(bearer(forge.sign(forge.claims(), {**good, name: value}))))


@given(st.integers(0, 2000), st.integers(0, 20), st.binary(max_size=20), st.booleans())
def test_payloads_and_headers_changed_as_text_are_never_a_500(ask, forge: Forge, start, length, put, in_header):
    def changed(value: Any) -> bytes:
        text = json.dumps(value).encode()
        at = start % len(text)
        return text[:at] + put + text[at + length :]

    claims, head = forge.claims(), forge.header()
    ask(bearer(forge.sign(claims, changed(head)) if in_header else forge.sign(changed(claims), head)))


@given(header_text | st.binary(max_size=300).map(lambda b: base64.b64encode(b).decode()))
def test_what_is_no_principal_is_refused(ask_easy_auth: SEND, text: str):
    assert not is_in(ask_easy_auth(Call(((NAME, text),))))


@given(json_values)
def test_any_json_in_place_of_a_principal_is_refused(ask_easy_auth: SEND, value: Any):
    assert not is_in(ask_easy_auth(header(value)))


@given(st.data())
def test_a_principal_with_another_value_is_refused(ask_easy_auth: SEND, forge: Forge, data: st.DataObject):
    principal = document(entries(forge))
    entry = data.draw(st.sampled_from([e for e in principal["claims"] if e["typ"] not in ("iss", "azp")]))
    place, name = data.draw(
        st.sampled_from([(principal, "auth_typ"), (principal, "claims"), (entry, "typ"), (entry, "val")])
    )
    before = place[name]
    place[name] = data.draw(json_values)
    assume(place[name] != before)
    assert not is_in(ask_easy_auth(header(principal)))
