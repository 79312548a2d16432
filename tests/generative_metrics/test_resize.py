"""Resizing to 299: against Pillow, torch, and TensorFlow 1's rule written pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness_plugins.generative.metrics.resize import (
    SIDE,
    SIGNATURES,
    WAYS,
    WrongImageError,
    clean,
    tf_legacy,
    torch_legacy,
)

SIZES = [(512, 512), (64, 48), (299, 299), (1, 1), (1, 700), (600, 2), (300, 298)]


def noise(height, width):
    rng = np.random.default_rng(height * 1000 + width)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def corner(image, row, column, channel):
    """Return one output sample of TF 1's resize_bilinear, align_corners=False.

    ``resize_bilinear_op.cc`` and ``image_resizer_state.h``: scale = in / out; in = out · scale;
    lower = floor(in), upper = min(lower + 1, size − 1).
    """
    height, width = image.shape[:2]
    y, x = (np.float32(i) * np.float32(s / SIDE) for i, s in ((row, height), (column, width)))
    top, left = math.floor(y), math.floor(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = float(y) - top, float(x) - left
    a, b, c, d = (
        float(image[i, j, channel])
        for i, j in ((top, left), (top, right), (bottom, left), (bottom, right))
    )
    return (a + (b - a) * dx) * (1 - dy) + (c + (d - c) * dx) * dy


@pytest.mark.parametrize("size", SIZES)
def test_clean_is_pillows_bicubic_on_each_float_channel(size) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is missing: resizing NOT checked")
    image = noise(*size)
    found = clean(image)
    for c in range(3):
        channel = pillow.fromarray(image[..., c].astype(np.float32), mode="F")
        expected = np.asarray(channel.resize((299, 299), resample=pillow.BICUBIC)).clip(0, 255)
        assert (found[..., c] == expected).all()


@pytest.mark.parametrize("size", SIZES)
def test_torch_legacy_is_torchs_interpolate(size) -> None:
    torch = pytest.importorskip("torch", reason="torch is missing: resizing NOT checked")
    image = noise(*size)
    planes = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(
        planes, size=(299, 299), mode="bilinear", align_corners=False
    )[0]
    # both in float32, which holds places near 512 to 3e-5 of a pixel: 0.008 grey levels
    assert np.abs(torch_legacy(image) - expected.permute(1, 2, 0).numpy()).max() < 0.02


@pytest.mark.parametrize("size", SIZES)
def test_tf_legacy_is_the_rule_of_tensorflow_1(size) -> None:
    image = noise(*size)
    found = tf_legacy(image)
    rng = np.random.default_rng(1)
    places = [(0, 0, 0), (298, 298, 2), (0, 298, 1), (298, 0, 1)]
    places += [tuple(rng.integers(0, (SIDE, SIDE, 3))) for _ in range(400)]
    for place in places:
        assert found[place] == pytest.approx(corner(image, *place), abs=1e-3)


def test_where_the_three_put_a_line() -> None:
    # Enlarged 13 times, the column 11 of 23 is white: its middle is at 11.5/23 of the width.
    image = np.zeros((23, 23, 3), np.uint8)
    image[:, 11] = 255
    columns = np.arange(SIDE) + 0.5
    middle = {
        name: float((way(image)[150, :, 0] @ columns) / way(image)[150, :, 0].sum())
        for name, way in WAYS.items()
    }
    assert middle["clean"] == pytest.approx(149.5, abs=1e-3)
    assert middle["torch-legacy"] == pytest.approx(149.5, abs=1e-3)
    # TF 1 puts sample 11 at column 11 · 13, half an enlarged pixel less half a pixel too far left
    assert middle["tf-legacy"] == pytest.approx(11 * 13 + 0.5, abs=1e-3)


def test_only_the_clean_way_averages_a_fine_grid() -> None:
    grid = np.zeros((598 * 2, 598 * 2, 3), np.uint8)
    grid[:, ::2] = 255  # reduced 4 times: grey, where all columns count
    assert np.abs(clean(grid)[5:-5, 5:-5] - 127.5).max() < 0.5
    assert (tf_legacy(grid) == 255).all()


@pytest.mark.parametrize("name", WAYS)
def test_what_comes_back(name) -> None:
    found = WAYS[name](noise(50, 70))
    assert found.dtype == np.float32
    assert found.shape == (299, 299, 3)
    assert found.min() >= 0
    assert found.max() <= 255
    flat = WAYS[name](np.full((33, 44, 3), 77, np.uint8))
    assert np.abs(flat - 77).max() < 1e-4
    image = noise(299, 299)
    assert np.abs(WAYS[name](image) - image).max() < 1e-3  # nothing to do


def test_each_has_a_signature_of_its_own() -> None:
    assert set(SIGNATURES) == set(WAYS)
    assert len(set(SIGNATURES.values())) == 3
    assert all("299" in s and "|" not in s for s in SIGNATURES.values())


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((9, 9, 3), np.float32), "uint8 array of 0…255, not float32"),
        ([[[0, 0, 0]]], "not list"),
        (np.zeros((9, 9), np.uint8), r"\(H, W, 3\), not \(9, 9\)"),
        (np.zeros((9, 9, 4), np.uint8), r"not \(9, 9, 4\)"),
        (np.zeros((3, 9, 9), np.uint8), r"not \(3, 9, 9\)"),
        (np.zeros((0, 9, 3), np.uint8), r"not \(0, 9, 3\)"),
    ],
)
def test_other_arrays_are_refused(name, image, said) -> None:
    with pytest.raises(WrongImageError, match=said) as caught:
        WAYS[name](image)
    assert caught.value.outcome == "invalid"
