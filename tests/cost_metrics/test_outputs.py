"""How far a device's outputs are from float32: known ratios, and what has none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cost import NotMeasuredError
from harness_plugins.cost.metrics.outputs import device_sqnr

RUN = {"kind": "simulated", "device": {"resolved": "A chip"}, "runtime": "r", "precision": "int8"}


def outputs(**pairs):
    found = {}
    for name, (host, device) in pairs.items():
        found[f"{name}|host"] = np.asarray(host, np.float32)
        found[name] = np.asarray(device, np.float32)
    return found


def test_a_known_ratio():
    # power 2 x 100, noise 2 x 1
    found = device_sqnr()(RUN, outputs(a=([10, -10], [11, -9])))
    assert found.value == pytest.approx(20.0)
    assert found.how == "simulated|r|int8|A chip"
    assert found.note == ""


@given(st.floats(1e-3, 1e3), st.integers(0, 2**32 - 1))
def test_it_does_not_depend_on_scale(scale, seed):
    rng = np.random.default_rng(seed)
    host = rng.standard_normal((2, 50)).astype(np.float32)
    device = host + np.float32(0.01) * rng.standard_normal((2, 50)).astype(np.float32)
    plain = device_sqnr()(RUN, outputs(a=(host, device))).value
    scaled = device_sqnr()(RUN, outputs(a=(host * scale, device * scale))).value
    assert scaled == pytest.approx(plain, abs=0.05)  # float32 rounds the noise itself


def test_it_is_that_of_the_component_farthest_off():
    found = device_sqnr()(RUN, outputs(near=([10.0], [10.1]), far=([10.0], [11.0])))
    assert found.value == pytest.approx(20.0)
    assert found.note == "of far, the farthest off"


def test_equal_outputs_have_an_infinite_ratio():
    assert device_sqnr()(RUN, outputs(a=([1.0, 2.0], [1.0, 2.0]))).value == math.inf


def test_noise_alone():
    assert device_sqnr()(RUN, outputs(a=([0.0], [1.0]))).value == -math.inf


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_no_score(bad):
    near = ([1.0], [2.0])
    assert math.isnan(device_sqnr()(RUN, outputs(near=near, off=([1.0], [bad]))).value)


def test_other_shapes_are_a_fault():
    with pytest.raises(ValueError, match=r"a: the device returned \(2,\), float32 \(1,\)"):
        device_sqnr()(RUN, outputs(a=([1.0], [1.0, 2.0])))


@pytest.mark.parametrize("arrays", [{}, {"a": np.ones(1)}, {"a|host": np.ones(1)}])
def test_without_a_pair_there_is_none(arrays):
    with pytest.raises(NotMeasuredError, match="no outputs to compare"):
        device_sqnr()(RUN, arrays)
