from __future__ import annotations

import importlib
import re
import subprocess
import sys

import numpy as np
import pytest

from harness.registry.availability import resolve
from harness_plugins.codec.metrics import METRICS

NAMES = {
    *("bpp", "psnr_rgb", "psnr_rgb_mse", "psnr_yuv611", "psnr_yuv411", "ssim", "ms_ssim"),
    *("ms_ssim_db", "lpips_alex", "lpips_vgg", "lpips_squeeze", "dists", "vmaf"),
}
MODULES = [
    *("aggregates", "colour", "fidelity", "pair", "perceptual"),
    *("rate", "structural", "vmaf", "weights"),
]


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_every_metric_of_the_family_is_declared_once() -> None:
    assert [m.name for m in METRICS] == list(dict.fromkeys(m.name for m in METRICS))
    assert {m.name for m in METRICS} == NAMES | {"psnr_rgb_on_device"}


def test_signatures_tell_metrics_apart_and_pin_a_version() -> None:
    signatures = [m.signature for m in METRICS]
    assert len(set(signatures)) == len(signatures)
    assert all(re.fullmatch(r"[^|\s]+(\|[^|\s]+)+\|v\d+", s) for s in signatures)


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_a_declaration_says_what_a_board_shows(metric) -> None:
    assert metric.summary
    assert metric.better in ("higher", "lower")
    assert metric.range[0] < metric.range[1]
    assert metric.paper or metric.name.startswith(("bpp", "psnr_rgb"))
    assert callable(resolve(metric.factory))


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_aggregates_reduce_the_last_axis(metric) -> None:
    aggregate = np.mean if metric.aggregate == "mean" else resolve(metric.aggregate)
    values = np.random.default_rng(0).uniform(10, 40, (5, 4, 7))
    kwargs = {"axis": -1} if metric.aggregate == "mean" else {}
    reduced = aggregate(values, **kwargs)
    assert reduced.shape == (5, 4)
    assert reduced.dtype == np.float64
    assert np.allclose(reduced[2, 3], aggregate(values[2, 3], **kwargs), rtol=0, atol=1e-12)


def test_declaring_imports_nothing_heavy() -> None:
    loaded = modules_after("import harness_plugins.codec.metrics")
    assert not loaded & {"numpy", "torch", "cv2", "lpips", "torchvision", "imageio_ffmpeg"}


@pytest.mark.parametrize("module", ["rate", "fidelity", "structural", "aggregates", "vmaf"])
def test_only_learned_metrics_import_torch(module) -> None:
    loaded = modules_after(f"import harness_plugins.codec.metrics.{module}")
    assert f"harness_plugins.codec.metrics.{module}" in loaded
    assert "torch" not in loaded


def test_weights_carry_the_digest_their_names_announce() -> None:
    resources = {r.name: r for m in METRICS for r in m.weights}
    assert len(resources) == 4
    for resource in resources.values():
        assert re.fullmatch("[0-9a-f]{64}", resource.sha256)
        assert resource.size > 0
        assert resource.licence
        announced = re.search(r"-([0-9a-f]{8})\.pth$", resource.name)
        assert announced is None or resource.sha256.startswith(announced[1])


@pytest.mark.parametrize("name", MODULES)
def test_public_names_exist_and_are_documented(name) -> None:
    module = importlib.import_module(f"harness_plugins.codec.metrics.{name}")
    for public in module.__all__:
        found = getattr(module, public)
        assert (
            not callable(found) or isinstance(found, type) or found.__doc__ or public[0].isupper()
        )
