"""ServerTiming: the header's syntax, and a metric for what fails as well."""

import re

import pytest

from msi_func.server_timing import ServerTiming


def test_metrics_are_in_the_order_in_which_they_end():
    timing = ServerTiming()
    assert str(timing) == ""
    with timing.metric("outer"), timing.metric("token", "managed identity"):
        pass
    assert re.fullmatch(r'token;desc="managed identity";dur=\d+\.\d, outer;dur=\d+\.\d', str(timing))


def test_failure_has_its_metric_as_well():
    timing = ServerTiming()
    with pytest.raises(KeyError), timing.metric("api"):
        raise KeyError
    assert re.fullmatch(r"api;dur=\d+\.\d", str(timing))
