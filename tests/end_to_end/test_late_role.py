"""When a newly assigned role takes effect, for each of msi-func's credentials and for claims challenges."""

import base64
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import requests

from local_azure.cloud import LocalAzure
from local_azure.serving.ports import free_port
from local_azure.testing import LocalTenant
from tests.support import apps, users
from tests.support.apps import Host
from tests.support.scripted import Reply, Request, Scripted, as_json

STAGING = "msi-func/slots/staging"  # a site whose identity has no role
APPLICATION = {"AAD_FUNC_CREDENTIAL": "application"}
ONLY_AAD = {"AzureWebJobs.msi_func.Disabled": "true"}
TIMES = ("token_issued_at", "new_role_visible_by")
CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'


def call(host: Host) -> requests.Response:
    return requests.get(host.url("msi-func"), timeout=30)


def rejection(response: requests.Response) -> dict[str, object]:
    """Return aad-func's problem from msi-func's response."""
    problem = response.json()
    assert (response.status_code, problem["code"]) == (502, "downstream_error")
    return problem["downstream"]


@contextlib.contextmanager
def calling(azure: LocalAzure, url: str, *, site: str = STAGING, **settings: str) -> Iterator[Host]:
    with apps.running(users.settings(azure, url, **{**azure.environment(site), **settings})) as host:
        yield host


def test_managed_identity_uses_a_new_role_after_a_day_or_under_another_spelling(
    local_azure_server: LocalAzure, local_azure: LocalTenant
):
    directory = local_azure_server.directory
    api, identity = directory.application("aad-func"), directory.site(STAGING).identities[0]
    with apps.running({**apps.aad_settings(local_azure_server), **ONLY_AAD}) as aad:
        with calling(local_azure_server, aad.url("aad-func")) as msi:
            denied = rejection(call(msi))
            assert (denied["status"], denied["code"]) == (403, "missing_role")
            assert denied["caller"]["object_id"] == identity.object_id
            issued, visible = (datetime.fromisoformat(denied[name]) for name in TIMES)
            assert timedelta(hours=23) < visible - issued < timedelta(hours=25)
            local_azure.assign("DoAll", to=STAGING, of="aad-func")
            assert rejection(call(msi)) == denied
        with calling(local_azure_server, aad.url("aad-func")) as restarted:
            assert rejection(call(restarted)) == denied  # the platform caches the token as well
            # A version 2 token's audience is the client ID, whatever resource was requested.
            capitals = f"api://{api.client_id.upper()}/.default"
            with calling(local_azure_server, aad.url("aad-func"), AAD_FUNC_SCOPE=capitals) as shortcut:
                assert call(shortcut).status_code == 200
            local_azure.clock.advance(24 * 3600)
            assert local_azure_server.token_cache.remove_expired() == 2
            assert rejection(call(restarted)) == denied  # msi-func caches it, too
        with calling(local_azure_server, aad.url("aad-func")) as again:
            assert call(again).status_code == 200


def test_application_uses_a_new_role_with_its_next_request(local_azure_server: LocalAzure, local_azure: LocalTenant):
    registration = local_azure_server.directory.application("msi-func-api")
    with (
        apps.running({**apps.aad_settings(local_azure_server), **ONLY_AAD}) as aad,
        calling(local_azure_server, aad.url("aad-func"), site="msi-func", **APPLICATION) as msi,
    ):
        denied = rejection(call(msi))
        assert (denied["status"], denied["code"]) == (403, "missing_role")
        caller = {"client_id": registration.client_id, "object_id": registration.object_id}
        assert denied["caller"] == {"kind": "application", **caller}
        assert "new_role_visible_by" not in denied  # its token lives for an hour only
        local_azure.assign("DoAll", to=registration.name, of="aad-func")
        before = local_azure.requests["token"]
        with ThreadPoolExecutor(64) as pool:
            responses = list(pool.map(lambda _: call(msi), range(64)))
        assert {response.status_code for response in responses} == {200}
        assert local_azure.requests["token"] - before == 1
        assert responses[0].json()["caller"].items() >= caller.items()


def test_role_granted_by_setting_works_after_a_restart(local_azure_server: LocalAzure):
    identity = local_azure_server.directory.site(STAGING).identities[0].object_id
    settings, port = {**apps.aad_settings(local_azure_server), **ONLY_AAD}, free_port()
    with calling(local_azure_server, f"http://127.0.0.1:{port}/api/aad-func") as msi:
        with apps.running(settings, port=port):
            denied = rejection(call(msi))
            assert (denied["code"], denied["caller"]["object_id"]) == ("missing_role", identity)
        with apps.running({**settings, "AAD_FUNC_ROLE_ASSIGNMENTS": f"DoAll={identity}"}, port=port):
            response = call(msi)
            assert (response.status_code, response.json()["role_sources"]) == (200, {"DoAll": "setting"})


def test_claims_challenge_triggers_one_retry_with_a_new_token(local_azure_server: LocalAzure, local_azure: LocalTenant):
    """The API sends the challenge that Continuous Access Evaluation and authentication contexts use."""
    encoded = base64.b64encode(CLAIMS.encode()).decode()
    challenge = as_json(401, {}, WWW_Authenticate=f'Bearer error="insufficient_claims", claims="{encoded}"')
    with (
        Scripted(lambda request: challenge) as api,
        calling(local_azure_server, api.origin, site="msi-func", **APPLICATION) as msi,
    ):
        before = local_azure.requests["token"]
        assert rejection(call(msi))["status"] == 401
        assert (len(api.requests), local_azure.requests["token"] - before) == (2, 2)
        assert rejection(call(msi))["status"] == 401  # and not again within 30 seconds
        assert (len(api.requests), local_azure.requests["token"] - before) == (3, 2)
    assert len({request.headers["authorization"] for request in api.requests}) == 2


def test_claims_challenge_is_no_error_if_the_new_token_satisfies_it(local_azure_server: LocalAzure):
    encoded = base64.b64encode(CLAIMS.encode()).decode()
    challenge = as_json(401, {}, WWW_Authenticate=f'Bearer error="insufficient_claims", claims="{encoded}"')
    rejected: list[str] = []

    def respond(request: Request) -> Reply:
        rejected[:] = rejected or [request.headers["authorization"]]
        return challenge if request.headers["authorization"] in rejected else as_json(200, {"ok": True})

    with Scripted(respond) as api, calling(local_azure_server, api.origin, site="msi-func", **APPLICATION) as msi:
        assert call(msi).json() == {"ok": True}
