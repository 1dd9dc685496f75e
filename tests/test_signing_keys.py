"""SigningKeys against a tenant that misbehaves: a real server, an injected clock."""

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Callable

import pytest

from aad_func import metadata, signing_keys
from aad_func.signing_keys import SigningKeys
from local_azure.cloud import LocalAzure
from tests.support.clock import MUCH_LATER, Clock, FastForward
from tests.support.finding import fetching, found, settle
from tests.support.key_faults import ENDLESS_FAULTS, FAULTS, UNUSABLE_KEYS
from tests.support.scripted import HANG, Reply, Request, as_json, http
from tests.support.tenant import V1, V2, Tenant, gated

THREADS = 16


@pytest.fixture
def keys(tenant: Tenant, clock: Clock) -> SigningKeys:
    return SigningKeys(tenant.origin, tenant.tenant_id, V2, clock=clock)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets how many real seconds a fetch may take: few where it has to be ended, plenty where it ends."""
    return lambda seconds: monkeypatch.setattr(signing_keys, "FETCH_TIMEOUT", seconds)


@pytest.mark.parametrize(
    ("fault", "real_seconds"),
    [
        *(pytest.param(fault, 30, id=why) for why, fault in FAULTS),
        *(pytest.param(fault, 0.3, id=why) for why, fault in ENDLESS_FAULTS),
    ],
)
def test_a_fault_is_our_outage_and_ends_by_itself(
    fault, real_seconds, tenant: Tenant, keys, clock: Clock, kid: str, patience
):
    def fails() -> None:
        fault(tenant)
        patience(real_seconds)

    def recovers() -> None:
        tenant.recover()
        patience(30)

    # Before the first fetch.
    fails()
    assert found(keys, kid) == "signing_keys_unavailable 30"
    clock.pass_(seconds=10)
    assert found(keys, kid) == "signing_keys_unavailable 20"
    # Of an endless one the time may be over, on a busy machine, before the request is sent.
    assert tenant.fetches(V2) in ([0, 1] if real_seconds < 1 else [1])
    recovers()
    clock.pass_(seconds=20)
    assert found(keys, kid) == "found"

    # And after it: what is known stays good for 48 hours, what is not known cannot be looked up.
    fails()
    clock.pass_(hours=12, seconds=1)
    assert (found(keys, kid), settle()) == ("found", None)
    assert found(keys, "unknown").startswith("signing_keys_unavailable")
    clock.pass_(hours=35)
    assert (found(keys, kid), settle()) == ("found", None)
    clock.pass_(hours=1)
    assert found(keys, kid) == "signing_keys_unavailable 30"
    recovers()
    clock.pass_(seconds=30)
    assert found(keys, kid) == "found"


@pytest.mark.parametrize("changes", [pytest.param(changes, id=why) for why, changes in UNUSABLE_KEYS])
def test_a_key_that_is_not_usable_spoils_only_itself(changes, tenant: Tenant, keys: SigningKeys, kid, new_key):
    changes = changes() if callable(changes) else changes
    bad = {k: v for k, v in tenant.member(V2, new_key, **changes).items() if v is not ...}
    good = tenant.member(V2, tenant.own)
    tenant.publish_members(V2, None, "key", [], {}, bad, good, bad)
    assert found(keys, kid) == "found"
    assert found(keys, new_key.kid) == "unknown_key"


def test_a_key_is_used_with_a_template_for_issuer_or_none(tenant: Tenant, keys: SigningKeys, kid: str, new_key):
    issuer = tenant.member(V2, new_key)["issuer"]
    template = {"issuer": issuer.replace(tenant.tenant_id, "{tenantid}"), "alg": "RS256", "key_ops": ["verify"]}
    own = tenant.member(V2, tenant.own)
    del own["issuer"], own["use"]
    tenant.publish_members(V2, tenant.member(V2, new_key, **template), own)
    assert (found(keys, kid), found(keys, new_key.kid)) == ("found", "found")


def test_a_new_key_is_found_and_a_withdrawn_one_is_dropped(tenant: Tenant, keys, clock: Clock, kid: str, new_key):
    assert found(keys, kid) == "found"
    tenant.publish(new_key)
    assert found(keys, new_key.kid) == "unknown_key"  # published less than 30 s after the last fetch
    clock.pass_(seconds=30)
    assert found(keys, new_key.kid) == "found"
    assert found(keys, kid) == "unknown_key"


def test_an_answer_without_usable_keys_withdraws_nothing(tenant: Tenant, keys: SigningKeys, clock: Clock, kid: str):
    assert found(keys, kid) == "found"
    tenant.publish()
    clock.pass_(hours=13)
    assert (found(keys, kid), settle()) == ("found", None)
    assert found(keys, kid) == "found"


@pytest.mark.parametrize(("failing", "code"), [(False, "unknown_key"), (True, "signing_keys_unavailable")])
def test_unknown_kids_cause_one_fetch_in_30_seconds(failing, code, tenant: Tenant, keys: SigningKeys, clock, kid):
    assert found(keys, kid) == "found"
    clock.pass_(seconds=30)
    if failing:
        tenant.fail(http(500), "keys")
    for second in range(90):
        assert found(keys, f"made up {second}").startswith(code)
        clock.pass_(seconds=1)
    assert tenant.fetches(V2) == 1 + 3
    assert tenant.fetches(V1) == 0


def test_keys_are_refreshed_in_the_background_from_12_hours_on(tenant: Tenant, keys: SigningKeys, clock, kid, new_key):
    assert found(keys, kid) == "found"
    settle()
    clock.pass_(hours=12)
    assert found(keys, kid) == "found"
    assert tenant.fetches(V2) == 1

    gate = threading.Event()
    tenant.publish(tenant.own, new_key)
    tenant.fail(gated(gate, tenant.behaviour(tenant.path(V2, "keys"))), "keys")
    clock.pass_(seconds=1)
    assert [found(keys, kid) for _ in range(3)] == ["found"] * 3
    assert len(fetching()) == 1  # nobody has waited: it is still under way
    gate.set()
    settle()
    assert found(keys, new_key.kid) == "found"
    assert tenant.fetches(V2) == 2


def test_16_threads_that_are_cold_share_one_fetch(tenant: Tenant, keys: SigningKeys, kid: str):
    gate = threading.Event()
    tenant.fail(gated(gate, tenant.behaviour(tenant.path(V2, "keys"))), "keys")
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        outcomes = [pool.submit(found, keys, kid) for _ in range(THREADS)]
        gate.set()
        assert [outcome.result() for outcome in outcomes] == ["found"] * THREADS
    assert tenant.fetches(V2) == tenant.fetches(V2, "keys") == 1


def test_16_threads_that_are_cold_share_one_failure(tenant: Tenant, keys: SigningKeys, kid: str, patience):
    patience(2)
    tenant.fail(HANG, "keys")
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(lambda _: found(keys, kid), range(THREADS)))
    assert outcomes == ["signing_keys_unavailable 30"] * THREADS
    assert tenant.fetches(V2) == 1


def test_16_threads_with_a_known_key_are_served_through_an_outage(tenant: Tenant, keys, clock: Clock, kid, patience):
    assert found(keys, kid) == "found"
    patience(2)
    tenant.fail(HANG)
    clock.pass_(hours=13)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        known = [pool.submit(found, keys, kid) for _ in range(THREADS)]
        unknown = [pool.submit(found, keys, f"made up {number}") for number in range(THREADS)]
        assert {outcome.result() for outcome in known} == {"found"}
        assert {outcome.result() for outcome in unknown} == {"signing_keys_unavailable 30"}
    settle()
    assert tenant.fetches(V2) == 2


def test_versions_are_independent(tenant: Tenant, kid: str):
    tenant.fail(http(500), "metadata", V1)
    assert found(SigningKeys(tenant.origin, tenant.tenant_id, V2), kid) == "found"
    assert found(SigningKeys(tenant.origin, tenant.tenant_id, V1), kid) == "signing_keys_unavailable 30"
    tenant.recover()
    tenant.fail(http(500), "metadata", V2)
    assert found(SigningKeys(tenant.origin, tenant.tenant_id, V1), kid) == "found"


def test_a_tenant_that_is_not_there_is_an_outage(tenant: Tenant, azure: LocalAzure, kid: str):
    tenant.__exit__()
    assert found(SigningKeys(tenant.origin, tenant.tenant_id, V2), kid) == "signing_keys_unavailable 30"


def test_the_log_says_why_and_quotes_nothing_that_came(tenant: Tenant, keys: SigningKeys, kid: str, caplog):
    tenant.publish_metadata(V2, issuer="https://evil.example/quoted")
    found(keys, kid)
    (line,) = caplog.messages
    assert line.endswith(
        "/v2.0/.well-known/openid-configuration: the document's issuer does not name the configured tenant."
    )


def test_the_log_names_a_package_that_was_not_published(keys: SigningKeys, kid: str, caplog, monkeypatch):
    monkeypatch.delattr("common.http")
    monkeypatch.setitem(sys.modules, "common.http", None)
    assert found(keys, kid) == "signing_keys_unavailable 30"
    (line,) = caplog.messages
    assert "common.http cannot be imported: publish this app with all of requirements.txt" in line


def test_a_caller_that_gives_up_takes_the_fetch_from_nobody(tenant: Tenant, keys: SigningKeys, kid: str):
    gate = threading.Event()
    tenant.fail(gated(gate, tenant.behaviour(tenant.path(V2, "metadata"))), "metadata", V2)

    async def give_up() -> list[str]:
        tasks = [asyncio.create_task(keys.find(kid)) for _ in range(4)]
        while not tenant.fetches(V2):  # noqa: ASYNC110 - counted by a thread
            await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait([tasks[0]])
        gate.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        return [type(outcome).__name__ for outcome in done]

    assert asyncio.run(give_up()) == ["CancelledError", "tuple", "tuple", "tuple"]
    assert tenant.fetches(V2) == 1


def test_both_documents_together_have_the_time_that_a_fetch_may_take(tenant: Tenant, fast_forward: FastForward):
    def late(request: Request) -> Reply:
        fast_forward.leap(29.5)
        return as_json(200, tenant.metadata(V2))

    tenant.fail(late, "metadata", V2)
    tenant.fail(HANG, "keys", V2)
    source, start = metadata.Source(tenant.origin, tenant.tenant_id, V2), fast_forward.real()
    with pytest.raises(metadata.MetadataError, match="no complete answer"):
        source.fetch(seconds=30)
    assert fast_forward.real() - start < MUCH_LATER
    tenant.recover()
    assert source.fetch(seconds=30)
