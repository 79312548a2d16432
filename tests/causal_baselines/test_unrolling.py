from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.causal_baselines.unrolling import unrolled


def winding_pairs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return codes (n, 2, 6) and their noises (n, 2, 3), of which a pair changes one or none.

    The first noise moves along a curve that winds through four codes, and causes the two other
    variables, which are linear in the codes.
    """
    rng = np.random.default_rng(seed)
    noise = np.repeat(rng.uniform(-1, 1, (n, 1, 3)), 2, axis=1)
    target = rng.integers(0, 4, n)
    for j in range(3):
        hit = target == j
        noise[hit, 1, j] = rng.uniform(-1, 1, hit.sum())
    angle = 2.5 * noise[..., :1]
    curve = [3 * np.cos(angle), 3 * np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)]
    lights = noise[..., 1:] + 0.5 * noise[..., :1]
    codes = np.concatenate([*curve, lights], axis=-1)
    turn, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    return codes @ turn, noise


@pytest.mark.parametrize("seed", [0, 1])
def test_a_winding_curve_is_unrolled_and_noises_come_apart(seed: int) -> None:
    codes, noise = winding_pairs(800, seed)
    found = unrolled(codes, 3, seed)
    assert found.shape == (800, 2, 3)
    np.testing.assert_allclose(found.reshape(-1, 3).mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(found.reshape(-1, 3).std(axis=0), 1)
    correlation = np.abs(np.corrcoef(found[:, 0].T, noise[:, 0].T)[:3, 3:])
    best = correlation.argmax(axis=0)
    assert sorted(best) == [0, 1, 2]
    assert correlation.max(axis=0).min() > 0.95
    correlation[best, range(3)] = 0
    assert correlation.max() < 0.15


def test_unrolling_repeats_and_takes_few_or_equal_codes() -> None:
    codes, _ = winding_pairs(60, 0)
    np.testing.assert_array_equal(unrolled(codes, 3, 5), unrolled(codes, 3, 5))
    for few in (codes[:2], np.repeat(codes[:1], 20, axis=0), np.zeros((10, 2, 6))):
        found = unrolled(few, 4, 0)
        assert found.shape == (len(few), 2, 4)
        assert np.all(np.isfinite(found))
