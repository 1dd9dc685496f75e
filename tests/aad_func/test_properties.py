"""Properties of every response: only a valid token is accepted, and no request causes a 500.

Requests are sent to a Functions host. `make fuzz` runs these tests with more examples and new seeds.
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

from tests.support.apps import Host
from tests.support.attacks.easy_auth import NAME, document, entries, header
from tests.support.forge import Forge, base64url, encode
from tests.support.responses import check_response
from tests.support.wire import Call, bearer, send

Send = Callable[[Call], str]

# Only valid header values, because the server rejects others before they reach the function.
header_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=200)
token_text = st.text(string.ascii_letters + string.digits + "-_.=+/", max_size=300)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def call_api(aad_host: Host) -> Send:
    return lambda call: check_response(send(aad_host.url("aad-func"), call), call)


@pytest.fixture(scope="module")
def call_easy_auth(easy_auth_host: Host) -> Send:
    return lambda call: check_response(send(easy_auth_host.url("aad-func"), call), call)


@pytest.fixture(scope="module")
def valid_token(forge: Forge) -> str:
    return forge.token()


def is_accepted(outcome: str) -> bool:
    return outcome.startswith("200 ")


@given(
    header_text | token_text.map("Bearer {}".format) | st.binary(max_size=200).map(lambda b: f"Bearer {base64url(b)}")
)
def test_arbitrary_credentials_are_rejected(call_api: Send, text: str):
    assert not is_accepted(call_api(Call((("Authorization", text),))))


@given(st.tuples(json_values, json_values, st.binary(max_size=300)))
def test_arbitrary_json_as_a_token_is_rejected(call_api: Send, parts: tuple[Any, Any, bytes]):
    assert not is_accepted(call_api(bearer(f"{encode(parts[0])}.{encode(parts[1])}.{base64url(parts[2])}")))


@given(st.data())
def test_token_with_one_flipped_bit_is_rejected(call_api: Send, valid_token: str, data: st.DataObject):
    segments = [bytearray(base64.urlsafe_b64decode(segment + "==")) for segment in valid_token.split(".")]
    segment = data.draw(st.sampled_from(segments))
    segment[data.draw(st.integers(0, len(segment) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not is_accepted(call_api(bearer(".".join(map(base64url, segments)))))


@given(st.data())
def test_token_with_changed_characters_is_rejected(call_api: Send, valid_token: str, data: st.DataObject):
    start = data.draw(st.integers(0, len(valid_token)))
    end = data.draw(st.integers(start, min(len(valid_token), start + 8)))
    changed = valid_token[:start] + data.draw(token_text) + valid_token[end:]
    assume(changed != valid_token)
    assert not is_accepted(call_api(bearer(changed)))


@given(st.data())
def test_recombined_segments_of_valid_tokens_are_rejected(
    call_api: Send, forge: Forge, valid_token: str, data: st.DataObject
):
    others = [valid_token, forge.token(user=True), forge.token(version=1)]
    pool = [segment for token in others for segment in token.split(".")]
    mixed = ".".join(data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=5)))
    # All three have the same header.
    assume(mixed.split(".", 1)[-1] not in {token.split(".", 1)[1] for token in others})
    assert not is_accepted(call_api(bearer(mixed)))


def is_valid(name: str, value: Any) -> bool:
    """Return whether an application's token with this claim is valid. Intentionally a second implementation."""
    if name == "exp":
        return type(value) in (int, float) and time.time() < value < 10**11
    if name == "nbf":
        return type(value) in (int, float) and 0 < value < time.time()
    if name == "azp":
        return isinstance(value, str) and value != ""
    if name == "azpacr":
        return isinstance(value, str)
    if name == "roles":
        return isinstance(value, list) and all(type(role) is str for role in value) and "DoAll" in value
    return name in ("aio", "iat", "rh", "uti")  # which are not read


role_lists = st.lists(st.sampled_from(["DoAll", "doall", "DoAll ", "Other", "", None, 1, ["DoAll"]]), max_size=4)
times = st.integers(-(10**12), 10**12) | st.floats(1, 1e12)


@given(st.data())
def test_changed_claim_is_accepted_only_if_its_value_is_valid(call_api: Send, forge: Forge, data: st.DataObject):
    claims = forge.claims()
    name = data.draw(st.sampled_from(sorted(claims)))
    special = {"roles": role_lists, "exp": times, "nbf": times}
    value = data.draw(json_values | special.get(name, st.text(max_size=10)))
    assume(type(value) is not type(claims[name]) or value != claims[name])
    assume(name not in ("exp", "nbf") or type(value) not in (int, float) or abs(value - time.time()) > 1000)
    assert is_accepted(call_api(bearer(forge.sign({**claims, name: value})))) == is_valid(name, value)


@given(st.text(max_size=20), json_values)
def test_unknown_claim_is_ignored(call_api: Send, forge: Forge, name: str, value: Any):
    claims = forge.claims()
    assume(name not in {*claims, "scp", "idtyp"})
    assert call_api(bearer(forge.sign({**claims, name: value}))) == "200 application"


@given(st.data())
def test_changed_header_parameter_is_rejected(call_api: Send, forge: Forge, data: st.DataObject):
    valid = forge.header()
    name = data.draw(st.sampled_from([*valid, "crit", "b64", "cty", "enc", "zip"]))
    value = data.draw(json_values)
    assume(value != valid.get(name, ...) and not (name == "typ" and value == "jwt"))
    assert not is_accepted(call_api(bearer(forge.sign(forge.claims(), {**valid, name: value}))))


@given(st.integers(0, 2000), st.integers(0, 20), st.binary(max_size=20), st.booleans())
def test_corrupted_json_is_never_a_500(call_api, forge: Forge, start, length, inserted, in_header):
    def changed(value: Any) -> bytes:
        text = json.dumps(value).encode()
        at = start % len(text)
        return text[:at] + inserted + text[at + length :]

    claims, head = forge.claims(), forge.header()
    call_api(bearer(forge.sign(claims, changed(head)) if in_header else forge.sign(changed(claims), head)))


@given(header_text | st.binary(max_size=300).map(lambda b: base64.b64encode(b).decode()))
def test_arbitrary_principal_is_rejected(call_easy_auth: Send, text: str):
    assert not is_accepted(call_easy_auth(Call(((NAME, text),))))


@given(json_values)
def test_arbitrary_json_as_a_principal_is_rejected(call_easy_auth: Send, value: Any):
    assert not is_accepted(call_easy_auth(header(value)))


@given(st.data())
def test_changed_principal_is_rejected(call_easy_auth: Send, forge: Forge, data: st.DataObject):
    principal = document(entries(forge))
    entry = data.draw(st.sampled_from([e for e in principal["claims"] if e["typ"] not in ("iss", "azp", "azpacr")]))
    place, name = data.draw(
        st.sampled_from([(principal, "auth_typ"), (principal, "claims"), (entry, "typ"), (entry, "val")])
    )
    before = place[name]
    place[name] = data.draw(json_values)
    assume(place[name] != before)
    assert not is_accepted(call_easy_auth(header(principal)))
