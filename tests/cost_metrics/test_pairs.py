"""How a model's time compares with the anchor's."""

from __future__ import annotations

import numpy as np
import pytest

from harness.cost import NotMeasuredError
from harness_plugins.cost.metrics.pairs import latency_ratio


def pairs(first, second, **changes):
    return {
        "kind": "measured-host",
        "device": {"asked": "host", "resolved": "CPU", "versions": {"torch": "2"}},
        "runtime": "torch",
        "precision": "float32",
        "threads": 1,
        "waited": 0.0,
        "first_us": list(first),
        "second_us": list(second),
    } | changes


@pytest.fixture
def noise():
    rng = np.random.default_rng(0)
    common = rng.lognormal(0, 0.5, 200)  # both meet it
    return 1000 * common, 2000 * common * rng.lognormal(0, 0.01, 200)


def test_what_both_met_cancels(noise):
    found = latency_ratio()(pairs(*noise))
    assert found.value == pytest.approx(2.0, rel=0.005)
    assert len(found.replicates) == 200
    assert np.ptp(found.replicates) < 0.02
    assert found.n == 200
    assert found.how == "measured-host|torch|float32|threads:1|CPU|torch:2"


def test_a_busy_machine_is_told_and_parted(noise):
    some = latency_ratio()(pairs(*noise, waited=0.05))
    assert some.note == "5.0% of the time was spent waiting for a core"
    assert some.unranked == ""
    much = latency_ratio()(pairs(*noise, waited=0.3))
    assert much.unranked == "not ranked: 30% of the time was spent waiting for a core"


def test_what_was_not_measured_has_no_ratio(noise):
    with pytest.raises(NotMeasuredError, match="simulated"):
        latency_ratio()(pairs(*noise, kind="simulated"))
