"""SigningKeys with a failing tenant: real HTTP, injected clock."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable

import pytest

from aad_func import signing_keys
from aad_func.openid_metadata import OpenIdMetadata
from aad_func.signing_keys import SigningKeys
from common.problems import Problem
from tests.support.clock import MUCH_LATER, Clock
from tests.support.finding import finish_fetches, found, pending_fetches
from tests.support.forge import GONE
from tests.support.key_faults import ENDLESS, ENDLESS_FAULTS, FAULTS, UNUSABLE_KEYS
from tests.support.scripted import HANG, http
from tests.support.tenant import V1, V2, Tenant, delayed

CALLERS = 16


@pytest.fixture
def keys(tenant: Tenant, clock: Clock) -> SigningKeys:
    return SigningKeys(tenant.origin, tenant.tenant_id, V2, clock=clock)


@pytest.fixture
def fetch_timeout(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that sets FETCH_TIMEOUT in real seconds: short for endless responses, long for others."""
    return lambda seconds: monkeypatch.setattr(signing_keys, "FETCH_TIMEOUT", seconds)


@pytest.mark.parametrize(
    ("fault", "real_seconds"),
    [
        *(pytest.param(fault, 30, id=label) for label, fault in FAULTS),
        *(pytest.param(fault, 0.3, id=label) for label, fault in ENDLESS_FAULTS),
    ],
)
def test_fault_is_an_outage_that_ends_without_a_restart(
    fault, real_seconds, run, tenant: Tenant, keys, clock: Clock, kid: str, fetch_timeout
):
    def fail() -> None:
        fault(tenant)
        fetch_timeout(real_seconds)

    def recover() -> None:
        tenant.recover()
        fetch_timeout(30)

    # Without known keys, every request fails.
    fail()
    assert run(found(keys, kid)) == "signing_keys_unavailable 30"
    clock.advance(seconds=10)
    assert run(found(keys, kid)) == "signing_keys_unavailable 20"
    # On a busy machine, the time limit can expire before an endless fetch sends its request.
    assert tenant.fetches(V2) in ([0, 1] if real_seconds < 1 else [1])
    recover()
    clock.advance(seconds=20)
    assert run(found(keys, kid)) == "found"

    # Known keys are used for 48 hours; others are unavailable.
    fail()
    clock.advance(hours=12, seconds=1)
    assert (run(found(keys, kid)), run(finish_fetches())) == ("found", None)
    assert run(found(keys, "unknown")).startswith("signing_keys_unavailable")
    clock.advance(hours=35)
    assert (run(found(keys, kid)), run(finish_fetches())) == ("found", None)
    clock.advance(hours=1)
    assert run(found(keys, kid)) == "signing_keys_unavailable 30"
    recover()
    clock.advance(seconds=30)
    assert run(found(keys, kid)) == "found"


@pytest.mark.parametrize("reply", [pytest.param(reply, id=label) for label, reply in ENDLESS])
def test_endless_fetches_do_not_block_later_ones(reply, run, runner, tenant, keys, clock, kid, fetch_timeout):
    runner.get_loop().set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
    tenant.fail(reply)
    fetch_timeout(0.3)
    for _ in range(3):
        assert run(found(keys, kid)) == "signing_keys_unavailable 30"
        clock.advance(seconds=30)
    assert run(asyncio.wait_for(asyncio.to_thread(str), MUCH_LATER)) == ""  # The executor of sync handlers is free.
    tenant.recover()
    fetch_timeout(10)
    assert run(found(keys, kid)) == "found"


@pytest.mark.parametrize("changes", [pytest.param(changes, id=label) for label, changes in UNUSABLE_KEYS])
def test_unusable_key_does_not_affect_the_others(changes, run, tenant: Tenant, keys: SigningKeys, kid, new_key):
    changes = changes() if callable(changes) else changes
    unusable = {k: v for k, v in tenant.member(V2, new_key, **changes).items() if v is not GONE}
    usable = tenant.member(V2, tenant.own)
    tenant.publish_members(V2, None, "key", [], {}, unusable, usable, unusable)
    assert run(found(keys, kid)) == "found"
    assert run(found(keys, new_key.kid)) == "unknown_key"


def test_key_with_an_issuer_template_or_no_issuer_is_used(run, tenant: Tenant, keys: SigningKeys, kid: str, new_key):
    issuer = tenant.member(V2, new_key)["issuer"]
    template = {"issuer": issuer.replace(tenant.tenant_id, "{tenantid}"), "alg": "RS256", "key_ops": ["verify"]}
    own = tenant.member(V2, tenant.own)
    del own["issuer"], own["use"]
    tenant.publish_members(V2, tenant.member(V2, new_key, **template), own)
    assert (run(found(keys, kid)), run(found(keys, new_key.kid))) == ("found", "found")


def test_new_key_is_fetched_and_removed_key_is_dropped(run, tenant: Tenant, keys, clock: Clock, kid: str, new_key):
    assert run(found(keys, kid)) == "found"
    tenant.publish(new_key)
    assert run(found(keys, new_key.kid)) == "unknown_key"  # published less than 30 s after the last fetch
    clock.advance(seconds=30)
    assert run(found(keys, new_key.kid)) == "found"
    assert run(found(keys, kid)) == "unknown_key"


def test_response_without_usable_keys_removes_no_key(run, tenant: Tenant, keys: SigningKeys, clock: Clock, kid: str):
    assert run(found(keys, kid)) == "found"
    tenant.publish()
    clock.advance(hours=13)
    assert (run(found(keys, kid)), run(finish_fetches())) == ("found", None)
    assert run(found(keys, kid)) == "found"


@pytest.mark.parametrize(("failing", "code"), [(False, "unknown_key"), (True, "signing_keys_unavailable")])
def test_unknown_kids_cause_one_fetch_in_30_seconds(failing, code, run, tenant: Tenant, keys: SigningKeys, clock, kid):
    assert run(found(keys, kid)) == "found"
    clock.advance(seconds=30)
    if failing:
        tenant.fail(http(500), "keys")
    for second in range(90):
        assert run(found(keys, f"unknown {second}")).startswith(code)
        clock.advance(seconds=1)
    assert tenant.fetches(V2) == 1 + 3
    assert tenant.fetches(V1) == 0


def test_keys_are_refreshed_in_the_background_after_12_hours(
    run, runner, tenant: Tenant, keys: SigningKeys, clock, kid, new_key
):
    assert run(found(keys, kid)) == "found"
    clock.advance(hours=12)
    assert run(found(keys, kid)) == "found"
    assert not pending_fetches(runner.get_loop())
    assert tenant.fetches(V2) == 1

    released = threading.Event()
    tenant.publish(tenant.own, new_key)
    tenant.fail(delayed(released, tenant.response_for(tenant.path(V2, "keys"))), "keys")
    clock.advance(seconds=1)
    assert [run(found(keys, kid)) for _ in range(3)] == ["found"] * 3
    assert len(pending_fetches(runner.get_loop())) == 1  # The refresh has not delayed a caller.
    released.set()
    run(finish_fetches())
    assert run(found(keys, new_key.kid)) == "found"
    assert tenant.fetches(V2) == 2


def test_concurrent_callers_share_the_first_fetch(run, tenant: Tenant, keys: SigningKeys, kid: str):
    released = threading.Event()
    tenant.fail(delayed(released, tenant.response_for(tenant.path(V2, "keys"))), "keys")

    async def call() -> list[str]:
        tasks = [asyncio.create_task(found(keys, kid)) for _ in range(CALLERS)]
        await asyncio.sleep(0)  # Let every caller start.
        released.set()
        return await asyncio.gather(*tasks)

    assert run(call()) == ["found"] * CALLERS
    assert tenant.fetches(V2) == tenant.fetches(V2, "keys") == 1


async def find_all(keys: SigningKeys, kids: list[str]) -> list[str]:
    return await asyncio.gather(*(found(keys, kid) for kid in kids))


def test_concurrent_callers_share_a_failed_fetch(run, tenant: Tenant, keys: SigningKeys, kid: str, fetch_timeout):
    fetch_timeout(2)
    tenant.fail(HANG, "keys")
    assert run(find_all(keys, [kid] * CALLERS)) == ["signing_keys_unavailable 30"] * CALLERS
    assert tenant.fetches(V2) == 1


def test_callers_with_a_known_key_do_not_wait_during_an_outage(
    run, runner, tenant: Tenant, keys, clock: Clock, kid, fetch_timeout
):
    assert run(found(keys, kid)) == "found"
    fetch_timeout(2)
    tenant.fail(HANG)
    clock.advance(hours=13)

    async def call() -> tuple[list[str], bool, list[str]]:
        unknown = asyncio.create_task(find_all(keys, [f"unknown {number}" for number in range(CALLERS)]))
        known = await find_all(keys, [kid] * CALLERS)
        return known, unknown.done(), await unknown

    known, waited, unknown = run(call())
    assert known == ["found"] * CALLERS
    assert not waited
    assert unknown == ["signing_keys_unavailable 30"] * CALLERS
    assert not pending_fetches(runner.get_loop())
    assert tenant.fetches(V2) == 2


def test_versions_are_independent(run, tenant: Tenant, kid: str):
    tenant.fail(http(500), "metadata", V1)
    assert run(found(SigningKeys(tenant.origin, tenant.tenant_id, V2), kid)) == "found"
    assert run(found(SigningKeys(tenant.origin, tenant.tenant_id, V1), kid)) == "signing_keys_unavailable 30"
    tenant.recover()
    tenant.fail(http(500), "metadata", V2)
    assert run(found(SigningKeys(tenant.origin, tenant.tenant_id, V1), kid)) == "found"


def test_unreachable_tenant_is_an_outage(run, tenant: Tenant, kid: str):
    tenant.__exit__()
    assert run(found(SigningKeys(tenant.origin, tenant.tenant_id, V2), kid)) == "signing_keys_unavailable 30"


def test_log_contains_the_reason_and_quotes_no_response(run, tenant: Tenant, keys: SigningKeys, kid: str, caplog):
    tenant.publish_metadata(V2, issuer="https://evil.example/quoted")
    run(found(keys, kid))
    (line,) = caplog.messages
    assert line.endswith(
        "/v2.0/.well-known/openid-configuration: the document's issuer does not name the configured tenant."
    )


def test_unexpected_error_is_an_outage_and_its_type_is_logged(run, keys: SigningKeys, kid: str, caplog, monkeypatch):
    def no_thread(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert run(found(keys, kid)) == "signing_keys_unavailable 30"
    (line,) = caplog.messages
    assert line.endswith("/v2.0/.well-known/openid-configuration: RuntimeError.")


def test_canceled_caller_does_not_cancel_the_fetch(run, tenant: Tenant, keys: SigningKeys, kid: str):
    released = threading.Event()
    tenant.fail(delayed(released, tenant.response_for(tenant.path(V2, "metadata"))), "metadata", V2)

    async def cancel_the_first() -> list[str]:
        tasks = [asyncio.create_task(keys.get_key(kid)) for _ in range(4)]
        while not tenant.fetches(V2):  # noqa: ASYNC110 - another thread counts fetches
            await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait([tasks[0]])
        released.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        return [type(outcome).__name__ for outcome in done]

    assert run(cancel_the_first()) == ["CancelledError", "tuple", "tuple", "tuple"]
    assert tenant.fetches(V2) == 1


def test_fetch_completes_after_all_callers_are_canceled(run, tenant: Tenant, keys: SigningKeys, kid: str):
    released = threading.Event()
    tenant.fail(delayed(released, tenant.response_for(tenant.path(V2, "metadata"))), "metadata", V2)

    async def cancel() -> None:
        task = asyncio.create_task(keys.get_key(kid))
        while not tenant.fetches(V2):  # noqa: ASYNC110 - another thread counts fetches
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        released.set()
        await finish_fetches()

    run(cancel())
    assert run(found(keys, kid)) == "found"
    assert tenant.fetches(V2) == 1


@pytest.mark.parametrize("version", [V1, V2])
@pytest.mark.parametrize("form", ["tenant's v1", "tenant's v2", "public cloud's v1", "v1 template", "v2 template"])
def test_key_with_a_v1_or_v2_issuer_of_this_tenant_is_used(form, version, run, tenant: Tenant, new_key):
    issuers = {
        "tenant's v1": tenant.metadata(V1)["issuer"],
        "tenant's v2": tenant.metadata(V2)["issuer"],
        "public cloud's v1": f"https://sts.windows.net/{tenant.tenant_id}/",
        "v1 template": "https://sts.windows.net/{tenantid}/",
        "v2 template": f"{tenant.origin}/{{tenantid}}/v2.0",
    }
    tenant.publish_members(version, tenant.member(version, new_key, issuer=issuers[form]))
    assert run(found(SigningKeys(tenant.origin, tenant.tenant_id, version), new_key.kid)) == "found"


@pytest.mark.parametrize("version", [V1, V2])
@pytest.mark.parametrize(
    "issuer",
    [
        "https://sts.windows.net/10ca1000-0000-4000-8000-00000000000f/",
        "https://sts.chinacloudapi.cn/{tenantid}/",
        "https://login.microsoftonline.us/{tenantid}/v2.0",
        "https://sts.windows.net/{tenantid}",
        "https://sts.windows.net.evil.example/{tenantid}/",
        "https://sts.windows.net/common/",
    ],
)
def test_key_of_another_tenant_or_cloud_is_not_used(issuer, version, run, tenant: Tenant, new_key):
    own = tenant.member(version, tenant.own)
    tenant.publish_members(version, tenant.member(version, new_key, issuer=issuer), own)
    assert run(found(SigningKeys(tenant.origin, tenant.tenant_id, version), new_key.kid)) == "unknown_key"


def test_v1_issuers_of_the_clouds_are_not_interchangeable(new_key):
    jwk = new_key.jwk()
    china, public = "https://login.partner.microsoftonline.cn", "https://login.microsoftonline.com"
    for authority, origin in ((china, "https://sts.chinacloudapi.cn"), (public, "https://sts.windows.net")):
        metadata = OpenIdMetadata(authority, "id", V2)
        for other in ("https://sts.chinacloudapi.cn", "https://sts.windows.net"):
            key = metadata._key({**jwk, "issuer": f"{other}/id/"}, f"{authority}/id/v2.0")
            assert (key is not None) == (other == origin)


@pytest.mark.parametrize("status", [400, 404])
def test_missing_tenant_is_reported_in_the_response_and_the_log(status, run, tenant, keys, kid, clock, caplog):
    tenant.fail(http(status))
    with pytest.raises(Problem, match="signing_keys_unavailable") as raised:
        run(keys.get_key(kid))
    expected = f"status {status}, the tenant was not found at this authority (ENTRA_TENANT_ID, ENTRA_AUTHORITY)."
    assert raised.value.detail == f"Signing keys are unavailable: {expected}"
    assert caplog.messages[0].endswith(expected)
    clock.advance(seconds=30)
    tenant.fail(http(500))
    with pytest.raises(Problem) as raised:
        run(keys.get_key(kid))
    assert raised.value.detail == raised.value.type.description


def test_missing_jwks_is_not_reported_as_a_missing_tenant(run, tenant: Tenant, keys: SigningKeys, kid, caplog):
    tenant.fail(http(404), "keys")
    assert run(found(keys, kid)) == "signing_keys_unavailable 30"
    assert caplog.messages[0].endswith("status 404 instead of 200.")
