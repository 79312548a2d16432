"""Scores of renderings against other implementations; gains and means against plain sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import jaccard_score

from harness import stats
from harness.registry import resolve
from harness.spec import Curve
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import InvalidOutputError
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.views import DERIVED, METRICS
from harness_plugins.generative.views.derived import gain_of_views, mean_over_views
from harness_plugins.generative_views.copies import BlendedViews

DECLARED = {metric.name: metric for metric in METRICS}


def made(name):
    metric = DECLARED[name]
    return resolve(metric.factory)(**metric.params)


@pytest.fixture(scope="module")
def pair(scenes):
    """Return the truth of 12 objects and what blending makes of two views."""
    blended = [
        BlendedViews().render(i[:2], p[:2], scenes.intrinsics, p[4:], 0, {})
        for i, p in zip(scenes.images, scenes.poses, strict=True)
    ]
    pictures = (scenes.images[:, 4:], np.stack(blended))
    return [
        Samples(Images.of(p.reshape(-1, 32, 32, 3)), frames=2, settings={"views": 2})
        for p in pictures
    ]


def test_psnr_and_ssim_are_those_of_scikit_image(pair):
    truth, renderings = pair
    psnr, ssim = made("psnr_views")(*pair), made("ssim_views")(*pair)
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    for n, (wanted, given) in enumerate(zip(truth.sequences, renderings.sequences, strict=True)):
        both = list(zip(wanted, given, strict=True))
        expected = np.mean([peak_signal_noise_ratio(a, b, data_range=255) for a, b in both])
        assert psnr[n] == pytest.approx(expected, abs=1e-9)
        inner = [
            structural_similarity(a, b, data_range=255, channel_axis=2, full=True, **gaussian)[1]
            for a, b in both
        ]
        expected = np.mean([v[5:-5, 5:-5].mean() for v in inner])
        assert ssim[n] == pytest.approx(expected, abs=1e-4)


def test_outlines_overlap_as_scikit_learn_says(pair):
    truth, renderings = (s.sequences.astype(int).min(axis=-1) <= 223 for s in pair)
    expected = [
        np.mean([jaccard_score(a.ravel(), b.ravel()) for a, b in zip(p, q, strict=True)])
        for p, q in zip(truth, renderings, strict=True)
    ]
    np.testing.assert_allclose(made("silhouette_iou")(*pair), expected, atol=1e-12)


def test_the_truth_itself_has_the_best_scores(pair):
    truth = pair[0]
    assert (made("psnr_views")(truth, truth) == 100).all()
    assert (made("ssim_views")(truth, truth) == 1).all()
    assert (made("silhouette_iou")(truth, truth) == 1).all()


def test_outlines_of_nothing():
    white = Samples(Images.of(np.full((2, 8, 8, 3), 255, np.uint8)), frames=1)
    dark = Samples(Images.of(np.zeros((2, 8, 8, 3), np.uint8)), frames=1)
    assert made("silhouette_iou")(white, white).tolist() == [1, 1]
    assert made("silhouette_iou")(white, dark).tolist() == [0, 0]
    with pytest.raises(InvalidOutputError, match="were rendered, the truth has"):
        made("silhouette_iou")(white, Samples(white.images, frames=2))


def test_every_object_says_how_many_views_were_given(pair):
    assert made("views_given")(pair[1]).tolist() == [2.0] * 12


# --- over all numbers of views -----------------------------------------------------------

N, B = 30, 400


def curve(views=(1, 2, 3, 4), runs=1, seed=0):
    rng = np.random.default_rng(seed)
    objects = rng.normal(15, 3, N)
    by_run = np.stack([[objects + 1.5 * v + rng.normal(0, 0.5, N) for v in views]] * runs)
    by_run += rng.normal(0, 0.3, (runs, 1, 1))
    return Curve(
        entry="row",
        points=tuple({"views": v} for v in views),
        items=tuple(f"block:{n}" for n in range(N)),
        scores={"psnr_views": by_run.mean(axis=0)},
        aggregate={"psnr_views": stats.mean},
        resamples=stats.resample_indices(N, B, seed=1),
        by_seed={"psnr_views": by_run},
        seed_resamples=rng.integers(0, runs, (B, runs)) if runs > 1 else None,
    )


def compute(name, *curves):
    declared = next(d for d in DERIVED if d.name == name)
    found = list(resolve(declared.compute)(curves, None, **declared.params))
    assert {score.name for score in found} == {name}
    return found


@pytest.mark.parametrize("runs", [1, 3])
def test_gain_and_mean_are_plain_differences_and_means(runs):
    one = curve(runs=runs)
    scores = one.scores["psnr_views"]
    (gain,), (mean,) = compute("psnr_gain_of_views", one), compute("psnr_mean_over_views", one)
    assert gain.value == pytest.approx(np.mean(scores[3] - scores[0]))
    assert mean.value == pytest.approx(scores.mean())
    assert gain.low < gain.value < gain.high
    assert mean.low < mean.value < mean.high
    assert gain.per_item["block:4"] == pytest.approx(scores[3, 4] - scores[0, 4])
    # Paired: objects differ by 3 dB, the gain of each by 0.7.
    assert gain.high - gain.low < (mean.high - mean.low) / 1.5
    if runs == 1:
        plain = np.mean(scores[3] - scores[0], axis=-1)
        drawn = (scores[3] - scores[0])[one.resamples].mean(axis=1)
        np.testing.assert_allclose(gain.replicates, drawn)
        assert gain.value == pytest.approx(plain)


def test_the_order_of_points_does_not_matter():
    gains = [compute("psnr_gain_of_views", curve(views))[0] for views in ((1, 4), (4, 1))]
    assert gains[0].value == pytest.approx(4.5, abs=0.5)
    assert gains[1].value == pytest.approx(4.5, abs=0.5)
    assert gains[0].signature == gains[1].signature


def test_one_number_of_views_or_none_is_refused():
    other = replace(curve(views=(1, 2)), points=({"steps": 1}, {"steps": 2}))
    for one in (curve(views=(3,)), curve(views=(1, 1)), other):
        for score in (*compute("psnr_gain_of_views", one), *compute("psnr_mean_over_views", one)):
            assert np.isnan(score.value)
            assert score.refusal == "its operating points are not several numbers of views"


def test_lacking_objects_are_refused():
    one = curve()
    one.scores["psnr_views"][1, :3] = np.nan
    (score,) = compute("psnr_gain_of_views", one)
    assert score.refusal == "3 of 30 objects lack a score at some number of views"


def test_other_metrics_can_be_asked_for():
    names = {"name": "x", "metric": "psnr_views"}
    assert next(gain_of_views([curve()], None, **names)).name == "x"
    assert next(mean_over_views([curve()], None, **names)).name == "x"
