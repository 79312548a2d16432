from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness_plugins.generative.images import Images, InvalidImagesError, NonFiniteImagesError
from harness_plugins.generative.samples import Samples, thumbnail

_PIXELS = arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3, st.just(3)))


@given(pixels=_PIXELS, ends=st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)]))
def test_levels_survive_any_range_and_layout(pixels, ends):
    images = Images.of(pixels)
    for layout in ("NHWC", "NCHW"):
        floats = images.floats(*ends, layout)
        assert floats.dtype == np.float32
        assert np.array_equal(Images.of_floats(floats, *ends, layout).bytes_(), pixels)


@given(pixels=_PIXELS)
def test_black_and_white_are_where_the_range_says(pixels):
    floats = Images.of(pixels).floats(-1.0, 1.0, "NHWC")
    assert np.allclose(floats, pixels / 127.5 - 1, atol=1e-6)


def test_halves_go_to_the_even_level():
    grey = np.full((1, 1, 1, 3), 0.5, np.float32)
    assert Images.of_floats(grey, 0, 255).bytes_().max() == 0
    assert Images.of_floats(grey * 3, 0, 255).bytes_().min() == 2


@pytest.mark.parametrize(
    ("array", "ends", "what"),
    [
        (np.full((1, 2, 2, 3), 200.0), (0, 1), "values 200 … 200 lie outside of .* 0 … 1"),
        (np.full((1, 2, 2, 3), -1.0), (0, 1), "lie outside of the declared range 0 … 1"),
        (np.zeros((1, 2, 2, 3), np.uint8), (0, 1), "expected floats, got uint8"),
        (np.zeros((2, 2, 3)), (0, 1), r"expected \(n, H, W, 3\), got \(2, 2, 3\)"),
        (np.zeros((0, 2, 2, 3)), (0, 1), "expected"),
    ],
)
def test_a_wrong_range_raises_and_yields_no_number(array, ends, what):
    with pytest.raises(InvalidImagesError, match=what):
        Images.of_floats(array, *ends)


def test_floats_are_no_bytes():
    with pytest.raises(InvalidImagesError, match=r"expected uint8 in 0…255, got float64"):
        Images.of(np.zeros((1, 2, 2, 3)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_has_an_outcome_of_its_own(bad):
    with pytest.raises(NonFiniteImagesError) as raised:
        Images.of_floats(np.full((1, 2, 2, 3), bad), 0, 1)
    assert raised.value.outcome == "nonfinite"


@given(pixels=_PIXELS, data=st.data())
def test_samples_are_lossless_with_what_was_asked_for(pixels, data):
    n = len(pixels)
    prompts = tuple(data.draw(st.lists(st.text(max_size=5), min_size=n, max_size=n)))
    samples = Samples(Images.of(pixels), prompts, tuple(range(n)), {"steps": 20, "guidance": 1.5})
    kept = Samples.load(Samples.dump(samples))
    assert np.array_equal(kept.images.bytes_(), pixels)
    assert (kept.prompts, kept.seeds) == (prompts, samples.seeds)
    assert kept.settings == samples.settings
    assert Samples.dump(kept) == Samples.dump(samples)


def test_videos_are_samples_of_several_frames():
    pixels = np.arange(6 * 2 * 2 * 3, dtype=np.uint8).reshape(6, 2, 2, 3)
    videos = Samples(Images.of(pixels), ("a", "b"), frames=3)
    assert len(videos) == 2
    assert np.array_equal(Samples.load(Samples.dump(videos)).sequences[1], pixels[3:])
    with pytest.raises(InvalidImagesError, match="6 images do not fit 1 prompts"):
        Samples(Images.of(pixels), ("a",), frames=3)


def test_a_thumbnail_is_no_wider_than_asked():
    import io

    from PIL import Image

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    for side in (64, 1000):
        shown = Image.open(io.BytesIO(thumbnail(Samples.dump(Samples(Images.of(pixels))), side)))
        assert max(shown.size) <= side
