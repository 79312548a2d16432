"""What is measured by rules and of work, and that all that is declared is there."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import open_suite
from harness.cost import NotMeasuredError
from harness_plugins.generative.shapes import COLOURS, SHAPES
from harness_plugins.generative.text_to_image import (
    DATASETS,
    DERIVED,
    METRICS,
    PANELS,
    SUITES,
    TASKS,
    metrics,
)

words = st.tuples(st.sampled_from(list(COLOURS)), st.sampled_from(SHAPES))
judged = st.lists(st.tuples(words, words), min_size=1, max_size=60)


def verdict(asked, seen):
    return {
        "prompt": " ".join(asked),
        "colour": seen[0],
        "shape": seen[1],
        "right": asked == seen,
        "reason": "",
    }


@given(judged)
def test_a_sample_is_right_where_colour_and_shape_are(pairs):
    verdicts = [verdict(*pair) for pair in pairs]
    both, colour, shape = (
        getattr(metrics, name)()(verdicts)
        for name in ("rule_accuracy", "rule_colour", "rule_shape")
    )
    assert both.shape == (len(pairs),)
    np.testing.assert_array_equal(both, colour * shape)
    np.testing.assert_array_equal(colour, [a[0] == b[0] for a, b in pairs])


@given(judged)
def test_what_was_drawn_is_counted_for_each_word(pairs):
    lines = metrics.drawn([verdict(*pair) for pair in pairs])
    for place, names in ((0, list(COLOURS)), (1, SHAPES)):
        own = [line for line in lines if line["asked"] in names]
        assert sum(line["samples"] for line in own) == len(pairs)
        for line in own:
            drawn = [seen[place] for asked, seen in pairs if asked[place] == line["asked"]]
            told = dict(part.split(" ") for part in line["drawn"].split(", "))
            assert told == {name: str(drawn.count(name)) for name in set(drawn)}
            assert line["right (%)"] == pytest.approx(
                100 * drawn.count(line["asked"]) / len(drawn)
            )


def test_an_identity_is_1_or_says_how_far_it_is_off():
    score = metrics.identity_kept()
    assert score({"kept": True, "most": 0}).value == 1
    bad = score({"kept": False, "most": 3})
    assert (bad.value, bad.note) == (0, "a level differs by up to 3")
    assert bad.replicates == (0,)  # counted, not measured


def part(step="denoise", calls=1, without=(), **dense):
    return {
        "step": step,
        "calls": calls,
        "macs": {"dense": dense},
        "without_formula": list(without),
    }


def test_work_is_that_of_all_steps_and_of_nothing_else():
    cost = {
        "components": [
            part(calls=10, convolution=7e9, attention=2e9),
            part(calls=5, linear=4e9),
            part(step="decode", convolution=1e15),
        ]
    }
    assert metrics.tflops(attention=True)(cost).value == pytest.approx(2 * 0.110)
    assert metrics.tflops(attention=False)(cost).value == pytest.approx(2 * 0.090)


def test_work_without_a_formula_is_told_and_none_at_all_is_not_measured():
    found = metrics.tflops(attention=True)(
        {"components": [part(without=["aten::odd"], linear=1), part(without=["aten::b"])]}
    )
    assert found.note == "not counted, no formula: aten::b, aten::odd"
    with pytest.raises(NotMeasuredError, match="'denoise'"):
        metrics.tflops(attention=True)({"components": [part(step="decode")]})


def references(record) -> Iterator[str]:
    for name in ("run", "factory", "compute", "thumbnail", "index", "load"):
        if isinstance(getattr(record, name, None), str):
            yield getattr(record, name)


@pytest.mark.parametrize(
    "record",
    [*(s for t in TASKS for s in t.stages), *METRICS, *DERIVED, *PANELS, *DATASETS],
    ids=lambda r: getattr(r, "name", getattr(r, "title", "")),
)
def test_what_is_declared_is_there(record):
    for ref in references(record):
        module, _, attribute = ref.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_artifacts_that_metrics_ask_for_are_left_by_some_stage():
    for task in TASKS:
        left = {a.name for s in task.stages for a in s.outputs} | {task.item}
        for stage in task.stages:
            assert {*stage.inputs} <= left, stage.name
    every = {a.name for t in TASKS for s in t.stages for a in s.outputs}
    own = [m for m in METRICS if not m.name.startswith("clip_temporal")]
    assert all({*m.inputs} <= every | {"prompts"} for m in own if "@" not in str(m.inputs))


def test_metrics_pin_how_they_are_made():
    signatures = [metric.signature for metric in METRICS]
    assert len(set(signatures)) == len(signatures)
    assert all("|v1" in signature for signature in signatures)


def test_declarations_import_nothing_heavy():
    code = (
        "import sys, harness_plugins.generative, harness_plugins.generative_diffusers;"
        "print([m for m in ('torch', 'diffusers', 'PIL', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", SUITES)
def test_shipped_suites_are_in_order(name):
    suite, _ = open_suite(name, ())
    assert suite.name == name
    assert suite.entries
