"""Scores of edited videos against other implementations and plain cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cosine
from skimage.metrics import peak_signal_noise_ratio

from harness.registry import resolve
from harness.spec import Curve
from harness_plugins.generative.editing import DERIVED, METRICS
from harness_plugins.generative.editing.derived import work_saving
from harness_plugins.generative.editing.edits import videos
from harness_plugins.generative.interface import InvalidOutputError, Lacking

DECLARED = {metric.name: metric for metric in METRICS}
VIDEOS = arrays(np.uint8, (2, 4, 6, 6, 3))


def made(name):
    metric = DECLARED[name]
    return resolve(metric.factory)(**metric.params)


def request(frames, mask=None):
    found = {"frames": frames}
    return found if mask is None else found | {"mask": mask}


@given(VIDEOS, VIDEOS, arrays(np.bool_, (2, 4, 6, 6)))
def test_background_psnr_is_that_of_scikit_image_outside_the_mask(source, edit, mask):
    mask[:, 0, 0, 0] = False
    found = made("background_psnr")(request(source, mask), videos(edit))
    for value, before, after, inside in zip(found, source, edit, mask, strict=True):
        with np.errstate(divide="ignore"):
            expected = peak_signal_noise_ratio(before[~inside], after[~inside], data_range=255)
        assert value == pytest.approx(min(expected, 100))


@given(VIDEOS, VIDEOS, arrays(np.bool_, (2, 4, 6, 6)))
def test_what_is_inside_the_mask_changes_no_background(source, edit, mask):
    mask[:, 0, 0, 0] = False
    other = np.where(mask[..., None], 255 - edit, edit)
    both = [made("background_psnr")(request(source, mask), videos(v)) for v in (edit, other)]
    np.testing.assert_array_equal(*both)


@given(VIDEOS)
def test_temporal_consistency_is_the_cosine_of_scipy(frames):
    found = made("temporal_consistency")(videos(frames))
    for value, video in zip(found, frames.astype(float), strict=True):
        apart = video - video.reshape(-1, 3).mean(axis=0)
        flat = apart.reshape(4, -1)
        if not (np.linalg.norm(flat, axis=1) > 1e-9).all():
            continue
        expected = np.mean([1 - cosine(flat[t], flat[t + 1]) for t in range(3)])
        assert value == pytest.approx(expected, abs=1e-9)
        assert -1 - 1e-9 <= value <= 1 + 1e-9


def test_a_still_video_is_consistent_and_one_that_turns_over_is_not():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    score = made("temporal_consistency")
    assert score(videos(np.stack([[picture] * 4]))) == pytest.approx([1])
    turned = np.stack([[picture, 255 - picture] * 2])
    assert score(videos(turned)) == pytest.approx([-1])
    assert score(videos(np.full((1, 4, 6, 6, 3), 7, np.uint8))).tolist() == [1]
    noise = rng.integers(0, 256, (1, 4, 32, 32, 3), dtype=np.uint8)
    assert abs(score(videos(noise))[0]) < 0.05


def test_flicker_is_of_colour_and_not_of_motion():
    frames, mask = np.zeros((1, 3, 8, 8, 3), np.uint8), np.zeros((1, 3, 8, 8), bool)
    for t in range(3):
        frames[0, t, t : t + 2, t : t + 2] = (100, 50, 0)
        mask[0, t, t : t + 2, t : t + 2] = True
    score = made("edit_flicker")
    assert score(request(frames, mask), videos(frames)).tolist() == [0]
    frames[0, 1][mask[0, 1]] = (100, 53, 4)  # there and back: five levels each
    assert score(request(frames, mask), videos(frames)).tolist() == [5]
    mask[0, 1] = False
    with pytest.raises(Lacking, match="no two consecutive frames"):
        score(request(frames, mask), videos(frames))


def test_without_a_mask_or_a_background_there_is_no_score():
    frames = np.zeros((1, 2, 4, 4, 3), np.uint8)
    for name in ("background_psnr", "edit_flicker"):
        with pytest.raises(Lacking, match="does not say where"):
            made(name)(request(frames), videos(frames))
    with pytest.raises(Lacking, match="leaves no background"):
        made("background_psnr")(request(frames, np.ones((1, 2, 4, 4), bool)), videos(frames))
    with pytest.raises(InvalidOutputError, match="were made, the mask has"):
        made("background_psnr")(request(frames, np.ones((1, 3, 4, 4), bool)), videos(frames))


def test_rules_are_means_over_frames():
    frames = [
        {"colour": "red", "shape": "plus", "right": True},
        {"colour": "red", "shape": "circle", "right": False},
        {"colour": "blue", "shape": "plus", "right": False},
        {"colour": "red", "shape": "plus", "right": True},
    ]
    verdicts = [{"prompt": "red plus", "frames": frames}]
    found = [made(f"edit_rule_{what}")(verdicts)[0] for what in ("accuracy", "colour", "shape")]
    assert found == [0.5, 0.75, 0.75]


def curve(variant, gmacs, steps=20, model="m"):
    return Curve(
        entry=f"{model}+{variant}",
        points=({"steps": steps},),
        items=("a",),
        scores={"gmacs": np.array([[gmacs]])},
        aggregate={},
        resamples=np.zeros((1, 1), np.intp),
        model=model,
        variant=variant,
    )


def test_work_saved_is_of_the_same_model_at_the_same_point():
    rows = [curve("base", 9.0), curve("base", 3.0, steps=8), curve("cheap", 3.0)]
    rows += [curve("cheap", 1.0, steps=8), curve("cheap", 1.0, model="n")]
    rows += [curve("uncounted", float("nan"))]
    found = list(work_saving(rows, None))
    assert [s.value for s in found[:2]] == [3.0, 3.0]
    assert [s.refusal for s in found[2:]] == ["no row of n alone", "its work was not counted"]
    assert {s.name for s in found} == {DERIVED[0].name}
