"""What the measuring is measured with: a goal can be missed, a call can fail, growth is seen. Nothing is timed here."""

import asyncio
import itertools
import threading

import pytest

from bench import rows
from bench.calling import Failed, load
from bench.load import Load
from bench.soak import growth, meanwhile
from local_azure.server import free_port
from tests.support.scripted import CLOSE, Scripted, as_json, in_turn

TWICE, HALF = [(2.0, 1.0)] * 3, [(1.0, 2.0)] * 3

JUDGED = [
    ("theirs takes twice as long", rows.times_faster("", "", HALF, least=2), 2, True),
    ("theirs takes half as long", rows.times_faster("", "", TWICE, least=2), 0.5, False),
    ("ours is half, and at least that", rows.share("", "", HALF, "", least=0.5), 0.5, True),
    ("ours is half, more is wanted", rows.share("", "", HALF, "", least=0.6), 0.5, False),
    ("ours is twice, and at most that", rows.share("", "", TWICE, "", most=2), 2, True),
    ("ours is twice, less is wanted", rows.share("", "", TWICE, "", most=1.9), 2, False),
    ("one round of three is an outlier", rows.share("", "", [(1, 1), (9, 1), (1, 1)], "", most=1), 1, True),
    ("at the limit", rows.number("", 5, most=5), None, True),
    ("beyond the limit", rows.number("", 6, most=5), None, False),
    ("enough", rows.number("", 5, least=5), None, True),
    ("not enough", rows.number("", 4, least=5, most=6), None, False),
    ("a number without a goal", rows.number("", 5), None, None),
    ("no goal", rows.share("", "", TWICE, ""), 2, None),
]


@pytest.mark.parametrize(("why", "row", "ratio", "reached"), JUDGED, ids=[case[0] for case in JUDGED])
def test_a_row_says_whether_its_goal_is_reached(why, row: rows.Row, ratio, reached):
    assert (row.ratio, row.reached) == (ratio, reached)


def test_a_load_counts_what_came_back_and_sends_tokens_in_turn():
    replies = in_turn(as_json(200, {}), as_json(503, {}), as_json(200, {"long": "x" * 100_000}), CLOSE)
    with Scripted(replies) as server:
        calls = Load(f"{server.origin}/api", seconds=60, calls=9, tokens=itertools.cycle(["a\n", "b\n"]))
        told = asyncio.run(calls.run(callers=1))
    assert told["statuses"] == {"200": 2, "503": 1, "broken off": 1}
    assert len(calls.took) == 3
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer a", "Bearer b"] * 2


def test_a_load_makes_as_many_calls_as_it_is_told_to():
    with Scripted(lambda request: as_json(200, {})) as server:
        calls = Load(f"{server.origin}/api", seconds=60, calls=20, tokens=None)
        told = asyncio.run(calls.run(callers=3))
    assert told["statuses"] == {"200": 20}
    assert server.connections == 3
    assert "authorization" not in server.requests[0].headers


def test_what_fails_beside_a_soak_fails_it():
    def work(stop: threading.Event) -> None:
        stop.wait(60)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), meanwhile(work):
        pass


def test_fewer_calls_than_were_to_be_counted_are_a_failure():
    replies = in_turn(as_json(200, {}), CLOSE)
    with Scripted(replies) as server, pytest.raises(Failed, match="instead of 5 calls"):
        load(server.origin, 1, calls=5)


def test_a_host_that_is_gone_is_said_in_a_sentence():
    with pytest.raises(Failed, match="Connect call failed"):
        load(f"http://127.0.0.1:{free_port()}/api", 1, calls=5)


def test_a_soak_that_ended_before_its_first_sample_still_has_its_other_rows():
    assert list(growth("a host", [])) == []


SAMPLES = [
    ("steady", [100] * 20, True),
    ("grows while it warms up", [10, 50, 80, 100] + [100] * 16, True),
    ("a single sample is high at the end", [100] * 19 + [500], True),
    ("grows slowly all the time", list(range(100, 120)), False),
]


@pytest.mark.parametrize(("why", "numbers", "steady"), SAMPLES, ids=[case[0] for case in SAMPLES])
def test_a_soak_sees_growth(why, numbers, steady):
    samples = [dict.fromkeys(("memory, MB", "threads", "open files", "connections"), number) for number in numbers]
    assert {row.reached for row in growth("a host", samples)} == {steady}
