"""ServerTiming: the header's syntax, and metrics of failed steps."""

import re

import pytest

from msi_func.server_timing import ServerTiming


def test_metrics_are_in_the_order_in_which_they_end():
    timing = ServerTiming()
    assert str(timing) == ""
    with timing.metric("outer"), timing.metric("token", "managed identity"):
        pass
    assert re.fullmatch(r'token;desc="managed identity";dur=\d+\.\d, outer;dur=\d+\.\d', str(timing))


def test_failed_step_has_a_metric():
    timing = ServerTiming()
    with pytest.raises(KeyError), timing.metric("api"):
        raise KeyError
    assert re.fullmatch(r"api;dur=\d+\.\d", str(timing))
