"""Metrics of samples and their targets: the codec family's, image by image."""

from __future__ import annotations

import numpy as np
import pytest

from harness.registry import resolve
from harness.spec import Unavailable
from harness_plugins.codec.metrics.fidelity import psnr_rgb
from harness_plugins.codec.metrics.pair import TooSmallError
from harness_plugins.codec.metrics.structural import ssim
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import InvalidOutputError
from harness_plugins.generative.metrics import pair_metrics
from harness_plugins.generative.samples import Samples

DECLARED = {m.name: m for m in pair_metrics("target", "views")}


def make(name):
    metric = DECLARED[f"{name}_views"]
    return resolve(metric.factory)(**metric.params)


@pytest.fixture
def both(rng):
    """Return targets and what was made of them: 3 samples of 2 images, 20 × 24."""
    pixels = rng.integers(0, 256, (6, 20, 24, 3), dtype=np.uint8)
    noisy = np.clip(pixels + rng.normal(0, 9, pixels.shape), 0, 255).astype(np.uint8)
    noisy[4:] = pixels[4:]
    return [Samples(Images.of(p), frames=2) for p in (pixels, noisy)]


@pytest.mark.parametrize(("name", "one"), [("psnr", psnr_rgb()), ("ssim", ssim())])
def test_a_sample_has_the_mean_of_its_images(name, one, both) -> None:
    x, y = (s.sequences for s in both)
    expected = [
        np.mean([min(one(a, b), 100) for a, b in zip(p, q, strict=True)])
        for p, q in zip(x, y, strict=True)
    ]
    found = make(name)(*both)
    np.testing.assert_array_equal(found, expected)
    assert found[2] == (100 if name == "psnr" else 1)


@pytest.mark.parametrize(("name", "equal"), [("fsim", 1), ("vsi", 1), ("gmsd", 0)])
def test_those_of_pyiqa_tell_equal_images(name, equal, both) -> None:
    found = make(name)(*both)
    assert found[2] == pytest.approx(equal, abs=1e-6)
    assert abs(found[:2] - equal).min() > 1e-3
    low, high = DECLARED[f"{name}_views"].range
    assert ((low <= found) & (found <= high + 1e-6)).all()


def test_what_does_not_fit_is_invalid(both) -> None:
    targets, made = both
    for other in (
        Samples(Images.of(made.images.bytes_()[:4]), frames=2),
        Samples(made.images, frames=3),
        Samples(Images.of(made.images.bytes_()[:, :19]), frames=2),
    ):
        with pytest.raises(InvalidOutputError, match="their targets have") as caught:
            make("psnr")(targets, other)
        assert caught.value.outcome == "invalid"


def test_images_too_small_for_a_metric_are_skipped(both) -> None:
    with pytest.raises(TooSmallError, match="at least 161 pixels") as caught:
        make("ms_ssim")(*both)
    assert caught.value.outcome == "skipped"


@pytest.mark.parametrize("name", ["lpips_alex", "lpips_vgg", "lpips_squeeze", "dists"])
def test_learned_ones_ask_for_their_own_weights(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    with pytest.raises(Unavailable) as caught:
        make(name)
    assert caught.value.remedy == f"harness weights pull {name}_views"
    assert DECLARED[f"{name}_views"].weights


def test_names_and_inputs_are_the_tasks() -> None:
    names = {n.removesuffix("_views") for n in DECLARED}
    assert names == {
        *("psnr", "ssim", "ms_ssim", "lpips_alex", "lpips_vgg", "lpips_squeeze", "dists"),
        *("fsim", "vsi", "gmsd"),
    }
    for metric in pair_metrics("source", "edited", "_kept"):
        assert metric.inputs == ("source", "edited")
        assert metric.name.endswith("_kept")
        assert metric.per == "element"
        assert metric.aggregate == "mean"
