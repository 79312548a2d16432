"""Counted costs: sums over components, by hand, and against real modules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cost import Component, NotMeasuredError
from harness.cost.stages import measure_cost
from harness_plugins.cost.metrics.counted import (
    gmacs,
    kmac_per_pixel,
    parameters,
    peak_activation,
    weight_bytes,
)

DEEPSPEED = "deepspeed-0.5.10"


def part(name="a", macs=None, step="", calls=1, **given):
    return {
        "name": name,
        "step": step,
        "calls": calls,
        "inputs": {"0": [1, 3, 4, 8]},
        "macs": {"dense": {"linear": 10**9} if macs is None else macs},
        "refused": {},
        "without_formula": {},
        "peak_activation_bytes": 10**6,
        "peak_module": "",
    } | given


def cost(*parts, **stored):
    sizes = {"parameters": 0, "parameter_bytes": {}, "buffer_bytes": {}}
    return {"components": list(parts), "stored": sizes | stored}


def test_gmacs_are_summed_over_calls_and_kinds():
    made = cost(
        part("g_a", {"convolution": 2 * 10**9, "linear": 5 * 10**8}),
        part("unet", {"attention": 10**9}, calls=8),
    )
    assert gmacs()(made).value == pytest.approx(10.5)


@given(
    st.lists(
        st.tuples(st.integers(1, 50), st.lists(st.integers(0, 10**12), max_size=3)), min_size=1
    )
)
def test_gmacs_of_any_record(components):
    parts = [
        part(str(n), {f"kind {k}": macs for k, macs in enumerate(kinds)}, calls=calls)
        for n, (calls, kinds) in enumerate(components)
    ]
    expected = sum(calls * sum(kinds) for calls, kinds in components) / 1e9
    assert gmacs()(cost(*parts)).value == pytest.approx(expected)


def test_a_step_alone():
    made = cost(part("g_a", step="encode"), part("g_s", {"x": 3 * 10**9}, step="decode"))
    assert gmacs(step="decode")(made).value == 3.0
    assert gmacs()(made).value == 4.0


def test_an_unknown_step_is_skipped_with_those_there_are():
    made = cost(part("g_a", step="encode"), part("g_s", step="decode"))
    with pytest.raises(NotMeasuredError, match=r"step 'train'; steps: 'decode', 'encode'"):
        gmacs(step="train")(made)


def test_operators_without_a_formula_are_in_the_note():
    made = cost(
        part("a", without_formula={"aten.fft_fft2": 2}, calls=3),
        part("b", without_formula={"aten.fft_fft2": 1, "aten.cdist": 1}),
    )
    assert gmacs()(made).note == "not counted, no formula: aten.cdist ×1, aten.fft_fft2 ×7"
    assert gmacs()(cost(part())).note == ""


def test_another_convention():
    both = {"dense": {"linear": 1}, DEEPSPEED: {"matmul": 4 * 10**9}}
    assert gmacs(convention=DEEPSPEED)(cost(part() | {"macs": both})).value == 4.0


def test_what_the_profiler_refused_is_skipped_with_its_reason():
    made = cost(part("g_s", refused={DEEPSPEED: "it fails on three dimensions"}))
    with pytest.raises(NotMeasuredError) as raised:
        gmacs(convention=DEEPSPEED)(made)
    assert str(raised.value) == "component g_s: it fails on three dimensions"
    assert raised.value.outcome == "skipped"


def test_kmac_per_pixel_is_of_the_image_that_the_model_begins_with():
    made = cost(
        part("g_a", {"convolution": 64_000}, inputs={"0": [1, 3, 4, 8]}, step="encode"),
        part("g_s", {"convolution": 32_000}, inputs={"0": [1, 320, 1, 2]}, step="decode"),
    )
    assert kmac_per_pixel()(made).value == 3.0  # 96,000 MACs on 4 x 8 pixels
    assert kmac_per_pixel(step="decode")(made).value == 1.0


@pytest.mark.parametrize("shape", [[1, 8], [1, 320, 4, 8], [1, 3, 2, 4, 8]])
def test_kmac_per_pixel_of_what_is_no_image(shape):
    with pytest.raises(NotMeasuredError, match="no image"):
        kmac_per_pixel()(cost(part(inputs={"x": shape})))


def test_memory_of_weights_is_that_of_all_dtypes():
    made = cost(
        part(),
        parameters=3_500_000,
        parameter_bytes={"float32": 12_000_000, "int8": 500_000},
        buffer_bytes={"int64": 8},
    )
    assert parameters()(made).value == 3.5
    assert weight_bytes()(made).value == pytest.approx(12.500008)


def test_activations_are_those_of_the_worst_component():
    made = cost(part("a", step="in"), part("b", step="out", peak_activation_bytes=7 * 10**6))
    assert peak_activation()(made).value == 7.0
    assert peak_activation(step="in")(made).value == 1.0


def test_a_real_module():
    import torch

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU())
    made = measure_cost([Component(name="net", module=net, inputs=[(1, 3, 10, 20)], calls=2)])
    assert gmacs()(made).value == pytest.approx(2 * 8 * 27 * 200 / 1e9)
    assert gmacs(convention=DEEPSPEED)(made).value == pytest.approx(2 * 8 * 27 * 200 / 1e9)
    assert kmac_per_pixel()(made).value == pytest.approx(2 * 8 * 27 / 1e3)
    assert parameters()(made).value == pytest.approx((8 * 27 + 8) / 1e6)
    assert weight_bytes()(made).value == pytest.approx(4 * (8 * 27 + 8) / 1e6)
    # the convolution's output and that of the activation, float32
    assert peak_activation()(made).value == pytest.approx(2 * 8 * 200 * 4 / 1e6)
