"""Accelerations against fewer plain steps of equal work: values, pairs, and refusals that help."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.spec import Curve
from harness.stats import mean, resample_indices
from harness_plugins.generative.text_to_image.controls import vs_fewer_steps

N = 40
DRAWN = resample_indices(N, seed=1)
RNG = np.random.default_rng(3)
EASY = RNG.normal(size=N)  # how easy each prompt is, for every sampler


def row(entry, steps, tflops, level, *, variant="base", model="unet", noise=0.05, **more):
    """Return a row: at each number of steps a mean score of ``level`` and so many TFLOP."""
    steps, tflops, level = (np.atleast_1d(v).tolist() for v in (steps, tflops, level))
    settings = more.pop("settings", {"guidance": 1.0, "scheduler": "dpm++"})
    runs = more.pop("runs", 1)
    spread = np.random.default_rng(len(entry)).normal(size=(runs, len(steps), N)) * noise
    by_seed = np.array(level)[:, None] + EASY + spread
    work = np.repeat(np.array(tflops, float)[:, None], N, axis=1)
    return Curve(
        entry=entry,
        model=model,
        params=more.pop("params", {"widths": [8]}),
        variant=variant,
        points=tuple({"steps": n, **settings} for n in steps),
        items=tuple(f"p{n:04}" for n in range(N)),
        scores={"score": by_seed.mean(axis=0), "tflops": work},
        by_seed={"score": by_seed, "tflops": work[None]},
        aggregate={"score": mean, "tflops": mean},
        resamples=DRAWN,
        seed_resamples=resample_indices(runs, seed=len(entry)) if runs > 1 else None,
        **more,
    )


def one(curves, anchor=None):
    [found] = vs_fewer_steps(curves, anchor, "score")
    return found


FULL = row("plain", 20, 2.0, 5.0)
FAST = row("fast", 20, 1.21, 4.5, variant="clockwork")


def test_a_variant_is_held_against_the_plain_row_of_the_nearest_work():
    rows = [FULL, row("twelve", 12, 1.2, 4.2), row("thirteen", 13, 1.3, 4.4), FAST]
    found = one(rows)
    ours, theirs = FAST.scores["score"][0], rows[1].scores["score"][0]
    assert found.entry == "fast"
    assert found.name == "score_vs_fewer_steps"
    assert found.value == pytest.approx(ours.mean() - theirs.mean())
    assert found.details == {"control of fast, 20 steps": "twelve, 12 steps, 0.992 times its FLOP"}
    assert found.low < found.value < found.high
    assert found.signature.startswith("score|less that without the variant at FLOP within 10%")
    assert not found.refusal


def test_the_difference_is_taken_prompt_by_prompt():
    control = row("twelve", 12, 1.2, 4.2)
    found = one([control, FAST])
    paired = (FAST.scores["score"][0] - control.scores["score"][0])[DRAWN].mean(axis=1)
    np.testing.assert_allclose(found.replicates, paired, atol=1e-12)
    alone = 2 * 1.96 * EASY.std() / np.sqrt(N)
    assert found.high - found.low < alone / 4  # what prompts have in common falls out


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_the_value_is_the_difference_of_the_levels(ours, theirs):
    control = row("twelve", 12, 1.2, theirs, noise=0.0)
    found = one([control, row("fast", 20, 1.2, ours, variant="x", noise=0.0)])
    assert found.value == pytest.approx(ours - theirs, abs=1e-9)
    assert found.low == pytest.approx(found.value, abs=1e-9)


def test_training_runs_of_both_rows_widen_the_interval():
    def width(runs):
        rows = [
            row("twelve", 12, 1.2, 4.2, runs=runs),
            row("faster", 20, 1.2, 4.5, variant="x", runs=runs),
        ]
        if runs > 1:  # runs that differ
            for n, curve in enumerate(rows):
                shift = np.array([-0.5, 0.0, 0.5])[:, None, None] * (1 + n)
                curve.by_seed["score"][...] = curve.by_seed["score"] + shift
        found = one(rows)
        return found.high - found.low

    assert width(3) > 3 * width(1)


def test_a_row_of_several_points_is_judged_at_each_and_the_mean_is_given():
    fast = row("fast", [20, 10], [1.2, 0.6], [4.5, 3.5], variant="clockwork", noise=0.0)
    controls = [row("twelve", 12, 1.2, 4.2, noise=0.0), row("six", 6, 0.6, 3.0, noise=0.0)]
    found = one([*controls, fast])
    assert found.value == pytest.approx((0.3 + 0.5) / 2)
    assert set(found.details) == {"control of fast, 20 steps", "control of fast, 10 steps"}


def test_one_plain_row_of_several_points_controls_all():
    plain = row("plain", [20, 12, 6], [2.0, 1.2, 0.6], [5.0, 4.2, 3.0], noise=0.0)
    found = one([plain, row("fast", 20, 0.58, 3.5, variant="clockwork", noise=0.0)])
    assert found.value == pytest.approx(0.5)
    assert "plain, 6 steps" in found.details["control of fast, 20 steps"]


def test_rows_without_a_variant_and_published_ones_have_no_such_score():
    published = row("paper", 8, 1.2, 9.0, model="")
    assert not list(vs_fewer_steps([FULL, published], None, "score"))
    assert not one([row("twelve", 12, 1.2, 4.2), published, FAST]).refusal


def test_what_is_asked_for_is_named_where_no_control_is_there():
    found = one([FULL, FAST])
    assert np.isnan(found.value)
    assert found.refusal == (
        "no control of 1.21 TFLOP: give the suite a row of unet with steps 12, "
        "guidance 1.0, scheduler dpm++"
    )
    assert one([FULL, row(**_follow(found.refusal)), FAST]).refusal == ""


def _follow(refusal):
    steps = int(refusal.partition("steps ")[2].partition(",")[0])
    return {"entry": "added", "steps": steps, "tflops": 0.1 * steps, "level": 4.0}


@given(st.floats(0.05, 3.0))
def test_the_row_that_is_asked_for_is_a_control(work):
    fast = row("fast", 20, work, 4.5, variant="x")
    refusal = one([FULL, fast]).refusal
    if not refusal:  # the full row itself is near enough
        assert abs(2.0 / work - 1) <= 0.1
    elif refusal.startswith("no number of steps"):
        assert all(abs(0.1 * n / work - 1) > 0.1 for n in range(1, 40))
    else:
        assert one([FULL, row(**_follow(refusal)), fast]).refusal == ""


def test_a_guided_variant_is_no_match_for_unguided_rows():
    guided = {"guidance": 1.5, "scheduler": "dpm++"}
    distilled = row("distilled", 20, 2.0, 4.9, variant="guidance-distilled", settings=guided)
    alone = one([FULL, distilled])
    assert alone.refusal == (
        "no control: the suite has no row of unet alone at guidance 1.5, scheduler dpm++"
    )
    both = row("guided", 20, 4.0, 5.2, settings=guided)
    assert "with steps 10, guidance 1.5" in one([FULL, both, distilled]).refusal
    half = row("guided, 10 steps", 10, 2.0, 4.8, settings=guided, noise=0.0)
    assert one([FULL, both, half, distilled]).details == {
        "control of distilled, 20 steps": "guided, 10 steps, 10 steps, 1.000 times its FLOP"
    }


@pytest.mark.parametrize("changed", [{"model": "other"}, {"params": {"widths": [16]}}])
def test_other_models_and_other_parameters_are_no_controls(changed):
    found = one([row("twelve", 12, 1.2, 4.2, **changed), FAST])
    assert found.refusal.startswith("no control: the suite has no row of unet alone at")


def test_uncounted_work_is_a_reason():
    fast = row("fast", 20, np.nan, 4.5, variant="x")
    assert one([FULL, fast]).refusal == "its FLOP were not counted"


def test_a_missing_score_on_either_side_is_a_reason():
    control = row("twelve", 12, 1.2, 4.2)
    control.scores["score"][0, [3, 7]] = np.nan
    assert one([control, FAST]).refusal == "twelve, 12 steps: 2 of 40 lack score"
    own = row("fast", 20, 1.2, 4.5, variant="x")
    own.scores["score"][0, 5] = np.nan
    assert one([row("twelve", 12, 1.2, 4.2), own]).refusal == "fast, 20 steps: 1 of 40 lack score"
