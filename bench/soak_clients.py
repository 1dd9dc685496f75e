"""The clients of a soak, which run in threads and count responses."""

import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from bench.fault_schedule import LabeledTokens
from bench.report import Row, value

INTERVAL = 0.05  # seconds between a response and the next request
TIMEOUT = 30

Client = Callable[[threading.Event], None]


@contextlib.contextmanager
def in_background(work: Client) -> Iterator[None]:
    """Run `work` in a thread during the block. If `work` raises an exception, raise it at the end of the block."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work, stop)
        try:
            yield
        finally:
            stop.set()
        running.result()


def requester(url: str, tokens: LabeledTokens, counts: Counter[tuple[str, str]]) -> Client:
    """Return a function that sends a request every INTERVAL and counts the responses by label and status."""

    def send(stop: threading.Event) -> None:
        with requests.Session() as session:
            while not stop.wait(INTERVAL):
                label, token = next(tokens)
                counts[label, _status(session, "GET", url, headers={"Authorization": f"Bearer {token}"})] += 1

    return send


class OrderClient:
    """Sends GET requests, and a new order in each POST request. Compares the orders with those that the API stored."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.statuses: dict[str, str] = {}  # status of each POST request, by order
        self.gets: Counter[str] = Counter()

    def run(self, stop: threading.Event) -> None:
        """Send requests until `stop` is set."""
        with requests.Session() as session:
            for number in itertools.count():
                if stop.wait(INTERVAL):
                    return
                self.statuses[str(number)] = _status(session, "POST", self._url, json={"order": str(number)})
                self.gets[_status(session, "GET", self._url)] += 1

    def rows(self, minutes: float, journal: Mapping[str, Any]) -> Iterator[Row]:
        """Yield rows that compare the requests with the API's journal.

        The API must store an order once if its POST request succeeded, and at most once if the request failed.
        """
        stored, statuses = journal["stored"], self.statuses
        succeeded = [order for order, status in statuses.items() if status == "200"]
        failed = [order for order, status in statuses.items() if status == "502"]
        # If the API resets a connection after a response, the next request on the connection can fail.
        unexplained = len(set(failed) - set(journal["reset"])) - journal["resets"].get("after the response", 0)
        yield value("POST requests to an unreliable API, with status 200", len(succeeded), least=minutes * 20)
        yield value(
            "POST requests with status 200 but not stored", sum(each not in stored for each in succeeded), most=0
        )
        yield value("POST requests stored twice", sum(count > 1 for count in stored.values()), most=0)
        yield value("POST requests with status 502", len(failed))
        yield value("POST requests with status 502 but without a reset", max(0, unexplained), most=0)
        yield value("POST requests with any other response", len(statuses) - len(succeeded) - len(failed), most=0)
        yield value("GET requests to an unreliable API, with status 200", self.gets["200"], least=minutes * 20)
        yield value("GET requests with any other response", self.gets.total() - self.gets["200"], most=0)
        yield value("connections that the API reset", sum(journal["resets"].values()), least=minutes)


def _status(session: requests.Session, method: str, url: str, **options: Any) -> str:
    try:
        return str(session.request(method, url, timeout=TIMEOUT, **options).status_code)
    except requests.RequestException as error:
        return type(error).__name__
