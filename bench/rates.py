"""Both functions under load, beside the least that a function in the same host can be."""

from collections.abc import Iterator

from bench import beside
from bench.calling import Calls, by_turns, load
from bench.rows import Row, share
from local_azure.cloud import LocalAzure
from tests.support import apps
from tests.support.forge import Forge

ROUNDS, SECONDS = 15, 0.6
CALLERS = (1, 16, 64)


def rows(azure: LocalAzure) -> Iterator[Row]:
    """aad-func and a hello function; msi-func and a relay."""
    token = Forge(azure).token()
    with beside.our_app() as folder, apps.running(apps.aad_settings(azure), folder=folder) as aad:
        for callers in CALLERS:
            made = _rounds(aad.url("aad-func"), aad.url("hello"), callers, token)
            rates = ((ours.rate, theirs.rate) for ours, theirs in made)
            yield share(f"aad-func, callers: {callers}", "hello in the same host", rates, "calls/s", least=0.9)
        settings = {**apps.msi_settings(azure, aad.url("aad-func")), "RELAY_TOKEN": token}
        with apps.running(settings, folder=folder) as msi:
            for callers in CALLERS:
                made = _rounds(msi.url("msi-func"), msi.url("relay"), callers)
                what, against = f"msi-func, callers: {callers}", "relay in the same host"
                rates = ((ours.rate, theirs.rate) for ours, theirs in made)
                yield share(what, against, rates, "calls/s", least=0.9)
                times = ((ours.median * 1e3, theirs.median * 1e3) for ours, theirs in made)
                yield share(f"{what}, median time", against, times, "ms")


def _rounds(ours: str, theirs: str, callers: int, *tokens: str) -> list[tuple[Calls, Calls]]:
    calls = (lambda url=url: load(url, callers, seconds=SECONDS, tokens=tokens) for url in (ours, theirs))
    return by_turns(ROUNDS, *calls)
