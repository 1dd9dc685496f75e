"""The faults of a soak: key rotations, failing endpoints and invalid tokens."""

import itertools
import secrets
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from local_azure.cloud import LocalAzure
from local_azure.control.fault_injection import Fault
from local_azure.entra.key_ring import KeyRing
from tests.support.forge import Forge

CYCLE = 100  # seconds
PUBLISHED_KEYS = 5  # All tokens that were signed with older keys have expired.
FAULTS = {
    "status 500": Fault(status=500),
    "no response": Fault(delay=30, status=500),
    "connections reset": Fault(reset=True),
    "truncated responses": Fault(truncate=True),
}


class FaultSchedule:
    """Injects faults of the tenant and of the identity endpoint. bench/README.md describes a cycle."""

    def __init__(self, azure: LocalAzure) -> None:
        self._azure = azure
        self._kinds = itertools.cycle(FAULTS)
        self._kind = ""
        self.counts: Counter[str] = Counter()

    def run(self, stop: threading.Event) -> None:
        """Inject faults until `stop` is set."""
        steps = (
            (10, self._fail_tenant),
            (30, self._fail_identity),
            (20, self._publish_key),
            (CYCLE - 60, self._sign_with_new_key),
        )
        for delay, step in itertools.cycle(steps):
            if stop.wait(delay):
                return
            step()

    def _fail_tenant(self) -> None:
        self._kind = next(self._kinds)
        for endpoint in ("metadata", "keys"):
            self._azure.faults.inject(endpoint, FAULTS[self._kind])
        self.counts[f"the tenant fails: {self._kind}"] += 1

    def _fail_identity(self) -> None:
        self._azure.faults.clear()
        self._azure.faults.inject("msi", FAULTS[self._kind])
        self.counts[f"the identity endpoint fails: {self._kind}"] += 1

    def _publish_key(self) -> None:
        """Publish a key before it signs tokens, as Entra does."""
        self._azure.faults.clear()
        with tempfile.TemporaryDirectory() as folder:
            new = KeyRing(Path(folder)).current
        ring = self._azure.keys
        # Replace the list in one assignment, because a token can be signed with the list's last key at any time.
        ring.keys = [*ring.keys[:-1], new, ring.keys[-1]]

    def _sign_with_new_key(self) -> None:
        ring = self._azure.keys
        ring.keys = [*ring.keys[:-2], ring.keys[-1], ring.keys[-2]]
        for key in ring.keys[:-PUBLISHED_KEYS]:
            ring.remove(key.kid)
        self.counts["a new key signs tokens"] += 1


LabeledTokens = Iterator[tuple[str, str]]  # label and token


def valid_tokens(azure: LocalAzure) -> LabeledTokens:
    """Yield new tokens, signed with the current key."""
    for number in itertools.count():
        yield "valid", Forge(azure).token(number=number)


def invalid_tokens(azure: LocalAzure) -> LabeledTokens:
    """Yield tokens that aad-func must reject, each for a different reason."""
    while True:
        forge = Forge(azure)
        yield "invalid", forge.token(exp=1_700_000_000)
        yield "invalid", forge.token(aud="api://another")
        yield "invalid", forge.token(roles=[])
        yield "invalid", forge.token()[:-8] + "AAAAAAAA"
        yield "invalid", secrets.token_urlsafe(3000)
        yield "unknown key", forge.sign(forge.claims(), forge.header(kid=secrets.token_hex(8)))


def users(azure: LocalAzure) -> LabeledTokens:
    """Yield users' tokens for msi-func, alternately from one of 20 known users and from a new user.

    The known users sign in again in each cycle, because a token is invalid once its signing key has been removed.
    """
    numbers = itertools.count()

    def sign_in() -> str:
        return Forge(azure, "msi-func-api").token(user=True, number=next(numbers))

    while True:
        known, end = itertools.cycle([sign_in() for _ in range(20)]), time.monotonic() + CYCLE
        while time.monotonic() < end:
            yield "user", next(known)
            yield "new user", sign_in()
