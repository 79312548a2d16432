from __future__ import annotations

import pytest

from harness.cost import NotMeasuredError
from harness_plugins.device_htp import metrics

_ALL = [metrics.npu_compiles, metrics.npu_share, metrics.npu_sqnr]


def _run(*components):
    return {
        "kind": "simulated",
        "device": {"asked": "SM8650", "resolved": "SM8650, Hexagon v75", "versions": {"QNN": "2"}},
        "runtime": "onnxruntime-qnn",
        "precision": "int8",
        "components": list(components),
    }


def _part(name, **found):
    return {"name": name, "step": "", "calls": 1, "compiles": True, **found}


def test_modules_that_do_not_compile_are_named():
    score = metrics.npu_compiles()(
        _run(_part("g_a"), _part("g_s", compiles=False, failure="out of memory"))
    )
    assert score.value == 0.5
    assert score.note == "g_s: out of memory"


def test_the_share_counts_operators_of_all_modules():
    score = metrics.npu_share()(
        _run(
            _part("g_a", placement={"NPU": 5, "CPU": 1}, fallback={"Erf": 1}),
            _part("g_s", compiles=False, failure="no", placement={"NPU": 0, "CPU": 4}),
        )
    )
    assert score.value == 0.5
    assert score.note == "on the CPU: 1 Erf"


def test_the_ratio_is_that_of_the_worst_module():
    score = metrics.npu_sqnr()(
        _run(
            _part("g_a", sqnr_db=60.0),
            _part("g_s", sqnr_db=30.5),
            _part("h_s", sqnr_db=None, numerics="equal to float32"),
        )
    )
    assert score.value == 30.5
    assert score.note == "lowest at g_s; without h_s"


@pytest.mark.parametrize("metric", _ALL)
def test_the_signature_names_chip_precision_and_compiler(metric):
    part = _part("g_s", placement={"NPU": 1, "CPU": 0}, sqnr_db=30.0)
    how = metric()(_run(part)).how
    for words in ("simulated", "SM8650, Hexagon v75", "int8", "QNN:2"):
        assert words in how


@pytest.mark.parametrize("metric", _ALL)
def test_a_device_that_compiles_nothing_has_no_score(metric):
    timed = {"name": "g_s", "samples_us": [1.0]}
    with pytest.raises(NotMeasuredError, match="compiles none for an NPU"):
        metric()(_run(timed))


def test_no_ratio_says_why():
    failed = _part("g_s", compiles=False, failure="out of memory")
    with pytest.raises(NotMeasuredError, match="no module was emulated: out of memory"):
        metrics.npu_sqnr()(_run(failed))
    with pytest.raises(NotMeasuredError, match="numerics: false"):
        metrics.npu_sqnr()(_run(_part("g_s")))


def test_no_share_where_nothing_was_exported():
    failed = _part("g_s", compiles=False, failure="cannot be exported")
    with pytest.raises(NotMeasuredError, match="no export succeeded"):
        metrics.npu_share()(_run(failed))
