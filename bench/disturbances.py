"""What disturbs a soak: keys that change, faults that come and go, callers that are not good."""

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
    """What happens to the tenant and its identities, by seconds of a cycle: see docs/performance.md."""

    def __init__(self, azure: LocalAzure) -> None:
        self._azure = azure
        self._kinds = itertools.cycle(FAULTS)
        self._kind = ""
        self.happened: Counter[str] = Counter()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        steps = (
            (10, self._tenant_fails),
            (30, self._identity_fails),
            (20, self._publish_key),
            (CYCLE - 60, self._sign_with_it),
        )
        for pause, event in itertools.cycle(steps):
            if stop.wait(pause):
                return
            event()

    def _tenant_fails(self) -> None:
        self._kind = next(self._kinds)
        for endpoint in ("metadata", "keys"):
            self._azure.traffic.put(endpoint, FAULTS[self._kind])
        self.happened[f"the tenant fails: {self._kind}"] += 1

    def _identity_fails(self) -> None:
        self._azure.traffic.clear()
        self._azure.traffic.put("msi", FAULTS[self._kind])
        self.happened[f"the identity endpoint fails: {self._kind}"] += 1

    def _publish_key(self) -> None:
        """As Entra does, some time before anything is signed with it."""
        self._azure.traffic.clear()
        ring = self._azure.keys
        ring.rotate()
        ring.keys = [*ring.keys[:-2], ring.keys[-1], ring.keys[-2]]  # the last one signs

    def _sign_with_it(self) -> None:
        ring = self._azure.keys
        ring.keys = [*ring.keys[:-2], ring.keys[-1], ring.keys[-2]]
        for key in ring.keys[:-KEYS_KEPT]:
            ring.withdraw(key.kid)
        self.happened["a new key signs"] += 1


Named = Iterator[tuple[str, str]]  # what it is, and the token


def good_tokens(azure: LocalAzure) -> Named:
    """Each a new one, signed with the key of the moment."""
    for count in itertools.count():
        yield "good", Forge(azure).token(number=count)


def bad_tokens(azure: LocalAzure) -> Named:
    """Of every kind."""
    while True:
        forge = Forge(azure)
        yield "bad", forge.token(exp=1_700_000_000)
        yield "bad", forge.token(aud="api://another")
        yield "bad", forge.token(roles=[])
        yield "bad", forge.token()[:-8] + "AAAAAAAA"
        yield "bad", secrets.token_urlsafe(3000)
        yield "made-up key", forge.sign(forge.claims(), forge.header(kid=secrets.token_hex(8)))
