"""One test for each weakness that was found, named after it."""

from aad_func.signing_keys import SigningKeys
from tests.support.answers import checked
from tests.support.apps import Host
from tests.support.attacks.claims import claiming
from tests.support.attacks.json_text import adding, payload
from tests.support.finding import found, judged, settle
from tests.support.forge import Forge, base64url
from tests.support.tenant import V2, Tenant
from tests.support.wire import bearer, send


def outcome(host: Host, token: str) -> str:
    return checked(send(host.url("aad-func"), bearer(token)), bearer(token))


def test_a_number_too_large_for_a_float_made_the_answer_something_else_than_json(aad_host: Host, forge: Forge):
    assert outcome(aad_host, payload(adding(b'"x": 1e999'))(forge)) == "401 malformed_token"
    assert outcome(aad_host, payload(adding(b'"x": [{"y": -1e999}]'))(forge)) == "401 malformed_token"


def test_half_a_surrogate_pair_passed_although_parsers_read_it_differently(aad_host: Host, forge: Forge):
    assert outcome(aad_host, payload(adding(b'"x": "\\ud800"'))(forge)) == "401 malformed_token"
    assert outcome(aad_host, payload(adding(b'"\\udfff": []'))(forge)) == "401 malformed_token"


def test_how_deep_a_token_could_nest_was_up_to_the_interpreter(aad_host: Host, forge: Forge):
    # "x" is one level below the claims themselves.
    assert outcome(aad_host, payload(adding(b'"x": ' + b"[" * 18 + b"]" * 18))(forge)) == "200 application"
    assert outcome(aad_host, payload(adding(b'"x": ' + b"[" * 20 + b"]" * 20))(forge)) == "401 malformed_token"


def test_any_white_space_parted_scopes_where_only_a_space_may(aad_host: Host, forge: Forge):
    for other in "\t\n\xa0\u2003":
        token = claiming(user=True, scp=f"a{other}user_impersonation")(forge)
        assert outcome(aad_host, token) == "403 missing_scope"
    assert outcome(aad_host, claiming(user=True, scp="a  user_impersonation ")(forge)) == "200 user"


def test_keys_were_never_refreshed_while_only_remembered_tokens_came(
    tokens, tenant: Tenant, forge: Forge, clock, new_key
):
    token = forge.token()
    assert judged(tokens, token) == "application"
    tenant.publish(new_key)
    clock.pass_(hours=13)
    judged(tokens, token)
    settle()
    assert judged(tokens, token) == "unknown_key"


def test_a_key_published_with_its_private_half_was_trusted(tenant: Tenant, forge: Forge, kid: str):
    private = forge.key.private_numbers()
    tenant.publish_members(V2, tenant.member(V2, tenant.own, d=base64url(private.d.to_bytes(256))))
    assert found(SigningKeys(tenant.origin, tenant.tenant_id, V2), kid) == "signing_keys_unavailable 30"


def test_a_key_to_encrypt_with_was_taken_for_a_signing_key(tenant: Tenant, kid: str):
    tenant.publish_members(V2, tenant.member(V2, tenant.own, key_ops=["encrypt", "wrapKey"]))
    assert found(SigningKeys(tenant.origin, tenant.tenant_id, V2), kid) == "signing_keys_unavailable 30"
