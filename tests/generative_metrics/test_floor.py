"""The floor: disjoint parts of real sets at stated numbers, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.generative.metrics.features import FeaturesError
from harness_plugins.generative.metrics.floor import floor
from harness_plugins.generative.metrics.frechet import frechet_distance
from harness_plugins.generative.metrics.kernel import kid


def test_parts_are_disjoint_and_of_the_stated_numbers() -> None:
    seen = []

    def watch(x, y):
        seen.append((x[:, 0].tolist(), y[:, 0].tolist()))
        return float(len(seen))

    found = floor(np.arange(20.0)[:, None], 5, 12, watch, splits=4)
    assert all(len(x) == 5 and len(y) == 12 and not set(x) & set(y) for x, y in seen)
    assert len({tuple(x) for x, _ in seen}) == 4
    assert (found.value, found.low, found.high) == (2.5, 1.0, 4.0)
    assert found.values.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert (found.n, found.n_reference) == (5, 12)


def test_it_depends_on_the_seed_alone(rng) -> None:
    real = rng.normal(size=(60, 3))
    once, again = (floor(real, 20, 30, frechet_distance, seed=7) for _ in range(2))
    assert (once.values == again.values).all()
    assert (once.values != floor(real, 20, 30, frechet_distance, seed=8).values).any()


def test_of_fid_it_falls_with_n_and_of_kid_it_is_nothing(rng) -> None:
    real = rng.normal(size=(2000, 10))
    small, large = (floor(real, n, n, frechet_distance).value for n in (50, 800))
    # for equal Gaussians and n ≫ d it falls as 1/n
    assert small > 8 * large > 0
    found = floor(real, 500, 500, lambda x, y: kid(x, y).value)
    assert found.low < 0 < found.high


def test_a_set_that_is_too_small_has_no_floor() -> None:
    with pytest.raises(FeaturesError, match=r"5 against 6 images: 11 real ones are needed, .* 10"):
        floor(np.zeros((10, 2)), 5, 6, frechet_distance)
    with pytest.raises(FeaturesError, match="at least 1 image"):
        floor(np.zeros((10, 2)), 5, 5, frechet_distance, splits=0)
