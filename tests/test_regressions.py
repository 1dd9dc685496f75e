"""One test for each weakness that was found, named after it."""

from tests.support.answers import checked
from tests.support.apps import Host
from tests.support.attacks.claims import claiming
from tests.support.attacks.json_text import adding, payload
from tests.support.finding import judged, settle
from tests.support.forge import Forge
from tests.support.tenant import Tenant
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
