"""The benchmarks detect missed goals, failed requests and growth. Nothing is measured here."""

import asyncio
import gc
import itertools
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from bench import api, report, unreliable_api
from bench.load import Load
from bench.load_runner import LoadResult, MeasurementError, interleave, load, successful
from bench.loop_lag import LoopLag, blocked_seconds
from bench.progress import heartbeat
from bench.soak import growth
from bench.soak_clients import OrderClient, in_background
from local_azure.serving.ports import free_port
from tests.support.apps import Host
from tests.support.scripted import CLOSE, Scripted, as_json, in_turn

TWICE, HALF = [(2.0, 1.0)] * 3, [(1.0, 2.0)] * 3

GOALS = [
    ("speedup: theirs takes twice as long", report.speedup("", "", HALF, "µs", least=2), 2, True),
    ("speedup: theirs takes half as long", report.speedup("", "", TWICE, "µs", least=2), 0.5, False),
    ("ratio: half, at least half is required", report.ratio("", "", HALF, "", least=0.5), 0.5, True),
    ("ratio: half, at least 0.6 is required", report.ratio("", "", HALF, "", least=0.6), 0.5, False),
    ("ratio: 2, at most 2 is allowed", report.ratio("", "", TWICE, "", most=2), 2, True),
    ("ratio: 2, at most 1.9 is allowed", report.ratio("", "", TWICE, "", most=1.9), 2, False),
    ("ratio: one round of three is an outlier", report.ratio("", "", [(1, 1), (9, 1), (1, 1)], "", most=1), 1, True),
    (
        "speedup: the goal is missed by less than the displayed precision",
        report.speedup("", "", [(1, 0.9499)] * 3, "", least=0.95),
        0.9499,
        False,
    ),
    (
        "speedup: half of the rounds are outliers",
        report.speedup("", "", [(1, 2), (4, 2), (4, 2), (1, 2)], "", least=2),
        2,
        True,
    ),
    ("value: at the limit", report.value("", 5, most=5), None, True),
    ("value: beyond the limit", report.value("", 6, most=5), None, False),
    ("value: at the minimum", report.value("", 5, least=5), None, True),
    ("value: below the minimum", report.value("", 4, least=5, most=6), None, False),
    ("value: no goal", report.value("", 5), None, None),
    ("ratio: no goal", report.ratio("", "", TWICE, ""), 2, None),
]


@pytest.mark.parametrize(("why", "row", "ratio", "is_reached"), GOALS, ids=[case[0] for case in GOALS])
def test_row_reports_whether_its_goal_is_reached(why, row: report.Row, ratio, is_reached):
    assert (row.ratio, row.is_reached) == (ratio, is_reached)


def test_row_shows_the_median_and_the_spread():
    row = report.ratio("", "", [(1, 10), (2, 10), (3, 10), (4, 10), (50, 10)], "ms")
    assert (row.ours, row.theirs) == ("3 ± 12.8 ms", "10 ± 0 ms")
    assert row.compared == "0.300 ± 1.275"


def test_order_of_contenders_is_reversed_in_every_other_round():
    called = []

    def contender(name: str) -> LoadResult:
        called.append(name)
        return LoadResult(rate=len(called), median=1, longest=1, statuses={"200": 1}, cpu=ord(name))

    rounds = interleave(2, lambda: contender("a"), lambda: contender("b"))
    assert "".join(called) == "baabba"
    assert [[chr(int(each.cpu)) for each in round_] for round_ in rounds] == [["a", "b"], ["a", "b"]]


def test_progress_is_shown_during_a_long_measurement(capfd):
    with heartbeat("validation", interval=0.001):
        while "validation ... 0 s" not in capfd.readouterr().err:
            pass


def test_load_with_a_pause_sends_every_request_and_the_query():
    with Scripted(lambda request: as_json(200, {})) as server:
        sent = Load(f"{server.origin}/api?as=user", seconds=60, limit=6, tokens=None, pause=0.001)
        output = asyncio.run(sent.run(callers=2))
    assert output["statuses"] == {"200": 6}
    assert {request.target for request in server.requests} == {"/api?as=user"}


def test_api_reports_its_highest_number_of_requests_in_flight():
    with api.running() as server:
        sent = Load(server.url(1), seconds=60, limit=3, tokens=None)
        assert asyncio.run(sent.run(callers=3))["statuses"] == {"200": 3}
        assert server.peak == 3
        server.reset_peak()
        assert server.peak == 0


def test_load_counts_responses_and_cycles_through_tokens():
    replies = in_turn(as_json(200, {}), as_json(503, {}), as_json(200, {"long": "x" * 100_000}), CLOSE)
    with Scripted(replies) as server:
        sent = Load(f"{server.origin}/api", seconds=60, limit=9, tokens=itertools.cycle(["a\n", "b\n"]))
        output = asyncio.run(sent.run(callers=1))
    assert output["statuses"] == {"200": 2, "503": 1, "connection closed": 1}
    assert len(sent.durations) == 3
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer a", "Bearer b"] * 2


def test_load_stops_at_its_limit_of_requests():
    with Scripted(lambda request: as_json(200, {})) as server:
        sent = Load(f"{server.origin}/api", seconds=60, limit=20, tokens=None)
        output = asyncio.run(sent.run(callers=3))
    assert output["statuses"] == {"200": 20}
    assert server.connections == 3
    assert "authorization" not in server.requests[0].headers


def test_api_counts_the_connections_of_its_clients():
    with api.running() as server:
        sent = Load(server.url(0.01), seconds=60, limit=20, tokens=None)
        assert asyncio.run(sent.run(callers=4))["statuses"] == {"200": 20}
        assert [server.connections, server.connections] == [4, 4]


def test_task_that_blocks_the_event_loop_is_detected():
    async def measured() -> LoopLag:
        lag = LoopLag()
        watching = asyncio.create_task(lag.watch())
        await asyncio.sleep(0)  # until it starts to measure
        await asyncio.create_task(block())
        watching.cancel()
        return lag

    async def block() -> None:
        await asyncio.sleep(0)
        time.sleep(0.06)  # noqa: ASYNC251

    callbacks = list(gc.callbacks)
    lag = asyncio.run(measured())
    assert gc.callbacks == callbacks
    assert lag.blocked >= 0.06


STEPS = [
    ("uses the CPU", 0.06, 0.06, 0, 0.06),
    ("waits for the CPU, which other processes use", 0.5, 0.01, 0, 0.01),
    ("blocks on a file or a lock", 0.06, 0.001, 1, 0.06),
]


@pytest.mark.parametrize(("why", "elapsed", "busy", "waits", "blocked"), STEPS, ids=[case[0] for case in STEPS])
def test_blocked_time_excludes_waiting_for_the_cpu(why, elapsed, busy, waits, blocked):
    assert blocked_seconds(elapsed, busy, waits) == blocked


def test_exception_of_a_measured_task_reaches_its_caller():
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async def measured() -> None:
        lag = LoopLag()
        watching = asyncio.create_task(lag.watch())
        await asyncio.sleep(0)  # until it starts to measure
        with pytest.raises(ZeroDivisionError):
            await asyncio.create_task(fail())
        canceled = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        canceled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await canceled
        watching.cancel()

    asyncio.run(measured())


def test_unreliable_api_resets_connections_and_records_stored_orders():
    statuses: Counter[str] = Counter()
    with unreliable_api.running() as origin:
        for number in range(3 * unreliable_api.RESET_EVERY):
            try:
                response = requests.post(f"{origin}/orders", json={"order": str(number)}, timeout=10)
                statuses[str(response.status_code)] += 1
            except requests.ConnectionError:
                statuses["reset"] += 1
        journal = unreliable_api.read_journal(origin)
    assert statuses == {"200": 3 * unreliable_api.RESET_EVERY - 2, "reset": 2}
    assert journal["resets"] == dict.fromkeys(unreliable_api.RESETS, 1)
    assert journal["stored"] == {str(number): 1 for number in range(3 * unreliable_api.RESET_EVERY)}
    assert journal["reset"] == [str(50 * number - 1) for number in (1, 2, 3)]


ORDERS = [
    ("each is stored once", {"0": "200"}, {"0": 1}, []),
    ("lost", {"0": "200"}, {}, ["POST requests with status 200 but not stored"]),
    ("doubled", {"0": "200"}, {"0": 2}, ["POST requests stored twice"]),
    ("reset, reported, and stored", {"0": "502"}, {"0": 1}, []),
    ("failed without a reset", {"1": "502"}, {}, ["POST requests with status 502 but without a reset"]),
    ("another response", {"0": "500"}, {"0": 1}, ["POST requests with any other response"]),
]


@pytest.mark.parametrize(("why", "statuses", "stored", "missed"), ORDERS, ids=[case[0] for case in ORDERS])
def test_soak_detects_lost_and_doubled_orders(why, statuses, stored, missed):
    orders = OrderClient("")
    orders.statuses = statuses
    journal = {"stored": stored, "reset": ["0"], "resets": {}}
    assert [row.name for row in orders.rows(0, journal) if row.is_reached is False] == missed


def test_failed_background_task_fails_the_soak():
    def work(stop: threading.Event) -> None:
        stop.wait(60)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), in_background(work):
        pass


def test_result_with_a_failed_request_is_an_error():
    result = LoadResult(rate=1, median=1, longest=1, statuses={"200": 9, "502": 1}, cpu=1)
    with pytest.raises(MeasurementError, match="502"):
        successful(result)


def test_fewer_requests_than_the_limit_are_an_error(no_cpu_seconds):
    replies = in_turn(as_json(200, {}), CLOSE)
    with Scripted(replies) as server, pytest.raises(MeasurementError, match="instead of 5 requests"):
        load(_host(server.origin), "", 1, limit=5)


def test_stopped_host_is_a_measurement_error(no_cpu_seconds):
    with pytest.raises(MeasurementError, match="Connect call failed"):
        load(_host(f"http://127.0.0.1:{free_port()}"), "", 1, limit=5)


def _host(origin: str) -> Host:
    return Host(origin, Path(), 0)


@pytest.fixture
def no_cpu_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace cpu_seconds, because psutil is only installed by `make bench`."""
    monkeypatch.setattr("bench.load_runner.cpu_seconds", lambda host: 0.0)


def test_soak_without_samples_reports_no_growth():
    assert list(growth("a host", [])) == []


SAMPLES = [
    ("steady", [100] * 20, True),
    ("grows during warm-up", [10, 50, 80, 100] + [100] * 16, True),
    ("a high last sample", [100] * 19 + [500], True),
    ("grows slowly and steadily", list(range(100, 120)), False),
]


@pytest.mark.parametrize(("why", "numbers", "is_steady"), SAMPLES, ids=[case[0] for case in SAMPLES])
def test_soak_detects_growth(why, numbers, is_steady):
    names = ("memory in MB", "threads", "other open files")
    samples = [{**dict.fromkeys(names, number), "connections": 400} for number in numbers]
    *grown, connections = growth("a host", samples)
    assert {row.is_reached for row in grown} == {is_steady}
    assert connections.is_reached


def test_soak_detects_connections_that_are_left_open():
    samples = [
        {"memory in MB": 60, "threads": 2, "other open files": 9, "connections": 30 * each} for each in range(20)
    ]
    assert [row.name for row in growth("a host", samples) if row.is_reached is False] == [
        "a host: highest number of connections"
    ]
