"""What disturbs a soak: keys that change, faults that come and go, callers that are not good."""

import contextlib
import itertools
import secrets
import threading
from collections import Counter
from collections.abc import Iterator

from local_azure.cloud import LocalAzure
from local_azure.traffic import Fault
from tests.support.forge import Forge

CYCLE = 100  # seconds
KEYS_KEPT = 5  # published; tokens of the oldest have long expired
FAULTS = {
    "status 500": Fault(status=500),
    "no answer": Fault(delay=30, status=500),
    "connections reset": Fault(reset=True),
    "garbage": Fault(garbage=True),
}


class Events:
    """What happens to the tenant and its identities, by seconds of a cycle."""

    def __init__(self, azure: LocalAzure) -> None:
        self._azure = azure
        self._kinds = itertools.cycle(FAULTS)
        self._kind = ""
        self._stop = threading.Event()
        self.made_up_keys = threading.Event()
        self.happened: Counter[str] = Counter()

    @contextlib.contextmanager
    def happening(self) -> Iterator[None]:
        """While the block runs."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        # A key that is made up is asked for last after 40 s; 30 s later the tenant is asked again, for a new key say.
        steps = ((10, self._tenant_fails), (30, self._identity_fails), (20, self._recover), (CYCLE - 60, self._rotate))
        for pause, event in itertools.cycle(steps):
            if self._stop.wait(pause):
                return
            event()

    def _tenant_fails(self) -> None:
        self._kind = next(self._kinds)
        self._fail("metadata", "keys")
        self.made_up_keys.set()

    def _identity_fails(self) -> None:
        self._recover()
        self._fail("msi")

    def _fail(self, *endpoints: str) -> None:
        for endpoint in endpoints:
            self._azure.traffic.put(endpoint, FAULTS[self._kind])
        self.happened[f"{' and '.join(endpoints)}: {self._kind}"] += 1

    def _recover(self) -> None:
        self.made_up_keys.clear()
        self._azure.traffic.clear()

    def _rotate(self) -> None:
        self._azure.keys.rotate()
        for key in self._azure.keys.keys[:-KEYS_KEPT]:
            self._azure.keys.withdraw(key.kid)
        self.happened["new signing key"] += 1


def good_tokens(azure: LocalAzure) -> Iterator[str]:
    """Each a new one, signed with the key of the moment."""
    for count in itertools.count():
        yield Forge(azure).token(number=count)


def bad_tokens(azure: LocalAzure, made_up_keys: threading.Event) -> Iterator[str]:
    """Of every kind; with made-up keys too, while that is wanted."""
    while True:
        forge = Forge(azure)
        yield forge.token(exp=1_700_000_000)
        yield forge.token(aud="api://another")
        yield forge.token(roles=[])
        yield forge.token()[:-8] + "AAAAAAAA"
        yield secrets.token_urlsafe(3000)
        if made_up_keys.is_set():
            yield forge.sign(forge.claims(), forge.header(kid=secrets.token_hex(8)))
