"""One test per fixed vulnerability or bug."""

from aad_func.signing_keys import SigningKeys
from local_azure.testing import LocalTenant
from tests.support.apps import Host
from tests.support.attacks.json_text import adding, payload
from tests.support.finding import finish_fetches, found, validated
from tests.support.forge import Forge, base64url
from tests.support.responses import check_response
from tests.support.tenant import V2, Tenant
from tests.support.users import DEVELOPER
from tests.support.wire import bearer, send


def outcome(host: Host, token: str) -> str:
    return check_response(send(host.url("aad-func"), bearer(token)), bearer(token))


def test_number_too_large_for_a_float_is_rejected(aad_host: Host, forge: Forge):
    assert outcome(aad_host, payload(adding(b'"x": 1e999'))(forge)) == "401 malformed_token"
    assert outcome(aad_host, payload(adding(b'"x": [{"y": -1e999}]'))(forge)) == "401 malformed_token"


def test_unpaired_surrogate_is_rejected(aad_host: Host, forge: Forge):
    assert outcome(aad_host, payload(adding(b'"x": "\\ud800"'))(forge)) == "401 malformed_token"
    assert outcome(aad_host, payload(adding(b'"\\udfff": []'))(forge)) == "401 malformed_token"


def test_claims_nested_deeper_than_20_levels_are_rejected(aad_host: Host, forge: Forge):
    # The value of "x" is nested in the claims set.
    assert outcome(aad_host, payload(adding(b'"x": ' + b"[" * 18 + b"]" * 18))(forge)) == "200 application"
    assert outcome(aad_host, payload(adding(b'"x": ' + b"[" * 20 + b"]" * 20))(forge)) == "401 malformed_token"


def test_only_spaces_separate_scopes(aad_host: Host, local_azure: LocalTenant):
    def scopes(value: str) -> str:
        return local_azure.token("aad-func", user=DEVELOPER, claims={"scp": value})

    for other in "\t\n\xa0\u2003":
        assert outcome(aad_host, scopes(f"a{other}user_impersonation")) == "403 missing_scope"
    assert outcome(aad_host, scopes("a  user_impersonation ")) == "200 user"


def test_cached_tokens_trigger_the_background_refresh(run, validator, tenant, local_azure, clock, new_key):
    token = local_azure.token("aad-func")
    assert run(validated(validator, token)) == "application"
    tenant.publish(new_key)
    clock.advance(hours=13)
    run(validated(validator, token))
    run(finish_fetches())
    assert run(validated(validator, token)) == "unknown_key"


def test_key_published_with_its_private_key_is_not_used(run, tenant: Tenant, forge: Forge, kid: str):
    private = forge.key.private_numbers()
    tenant.publish_members(V2, tenant.member(V2, tenant.own, d=base64url(private.d.to_bytes(256))))
    assert run(found(SigningKeys(tenant.origin, tenant.tenant_id, V2), kid)) == "signing_keys_unavailable 30"


def test_encryption_key_is_not_used(run, tenant: Tenant, kid: str):
    tenant.publish_members(V2, tenant.member(V2, tenant.own, key_ops=["encrypt", "wrapKey"]))
    assert run(found(SigningKeys(tenant.origin, tenant.tenant_id, V2), kid)) == "signing_keys_unavailable 30"
