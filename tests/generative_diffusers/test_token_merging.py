"""Token merging: against another implementation, and by what merging must keep."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.cost import count
from harness_plugins.generative_diffusers.token_merging import TokenMerging, matching

sides = st.sampled_from([2, 4, 6, 8])
seeds = st.integers(0, 2**31)


def tokens(seed: int, n: int, height: int, width: int, d: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, height * width, d, generator=generator)


@given(seeds, sides, sides, st.floats(0, 1))
def test_tokens_are_merged_as_the_authors_code_does_it(seed, height, width, share):
    merge_module = pytest.importorskip("tomesd.merge")
    x = tokens(seed, 3, height, width)
    merged = round(share * 0.75 * height * width)
    ours, back = matching(x, height, width, merged)
    theirs, their_back = merge_module.bipartite_soft_matching_random2d(
        x, width, height, 2, 2, merged, no_rand=True
    )
    y = tokens(seed + 1, 3, height, width, 4)
    assert ours(y).shape == theirs(y).shape == (3, height * width - merged, 4)
    torch.testing.assert_close(back(ours(y)), their_back(theirs(y)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        ours(y).sort(dim=1).values, theirs(y).sort(dim=1).values, atol=1e-5, rtol=1e-5
    )


@given(seeds, sides, sides, st.integers(0, 48))
def test_the_sum_of_all_tokens_is_kept(seed, height, width, merged):
    x = tokens(seed, 2, height, width)
    merge, spread = matching(x, height, width, min(merged, 3 * height * width // 4))
    torch.testing.assert_close(spread(merge(x)).sum(1), x.sum(1), atol=1e-4, rtol=1e-4)
    twice = merge(spread(merge(x)))
    torch.testing.assert_close(twice, merge(x), atol=1e-5, rtol=1e-5)


@given(seeds, sides, sides)
def test_where_nothing_is_merged_nothing_is_changed(seed, height, width):
    x = tokens(seed, 2, height, width)
    merge, spread = matching(x, height, width, 0)
    assert torch.equal(merge(x), x)
    assert torch.equal(spread(merge(x)), x)


@pytest.mark.parametrize(("height", "width"), [(3, 4), (4, 3), (1, 1)])
def test_a_grid_without_windows_of_four_is_left_alone(height, width):
    x = tokens(0, 2, height, width)
    merge, spread = matching(x, height, width, 2)
    assert torch.equal(spread(merge(x)), x)
    assert merge(x).shape == x.shape


@given(seeds, sides, sides, st.integers(1, 12))
def test_each_row_of_a_batch_is_merged_by_its_own_features(seed, height, width, merged):
    x = tokens(seed, 3, height, width)
    merged = min(merged, 3 * height * width // 4)
    order = [2, 0, 1]
    merge, spread = matching(x, height, width, merged)
    other, other_spread = matching(x[order], height, width, merged)
    torch.testing.assert_close(other_spread(other(x[order])), spread(merge(x))[order])


@given(seeds, sides, sides, st.integers(1, 12))
def test_a_grid_on_its_side_is_merged_the_same_way(seed, height, width, merged):
    x = tokens(seed, 2, height, width)
    merged = min(merged, 3 * height * width // 4)

    def turned(values, rows, columns):
        return values.view(2, rows, columns, -1).transpose(1, 2).reshape(2, rows * columns, -1)

    merge, spread = matching(x, height, width, merged)
    aside = turned(x, height, width)
    other, other_spread = matching(aside, width, height, merged)
    torch.testing.assert_close(
        other_spread(other(aside)), turned(spread(merge(x)), height, width), atol=1e-5, rtol=1e-5
    )


def test_the_most_alike_go_first_and_take_the_mean():
    x = torch.zeros(1, 4, 2)
    x[0] = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [-1.0, 0.0]])
    merge, spread = matching(x, 2, 2, 1)
    mean = (x[0, 0] + x[0, 1]) / 2
    torch.testing.assert_close(merge(x)[0], torch.stack([x[0, 2], x[0, 3], mean]))
    torch.testing.assert_close(spread(merge(x))[0], torch.stack([mean, mean, x[0, 2], x[0, 3]]))
    merge, spread = matching(x, 2, 2, 3)
    torch.testing.assert_close(merge(x)[0], x[0].mean(0, keepdim=True))


@given(seeds)
def test_tokens_of_large_weight_are_merged_before_others(seed):
    x = tokens(seed, 2, 4, 4)
    weight = torch.full((16,), 1e-6)
    weight[:8] = 1.0  # the upper half holds six that are no destinations
    merge, spread = matching(x, 4, 4, 6, weight)
    found = spread(merge(x))
    lower = [place for place in range(8, 16) if place not in (8, 10)]
    assert torch.equal(found[:, lower], x[:, lower])
    changed = (found != x).any(dim=-1)
    assert bool(changed[:, [1, 3, 4, 5, 6, 7]].all())


@pytest.mark.parametrize("ratio", [-0.1, 0.8, float("nan")])
def test_a_ratio_that_is_none_is_refused(model, ratio):
    with pytest.raises(ValueError, match=r"ratio must be 0 to 0\.75"):
        TokenMerging(model.unet, ratio)


def test_merging_holds_within_a_call_only(model, point):
    text, _ = model.conditions(["red circle"], point)
    step, x = model.step(model.unet), torch.ones(1, 3, 16, 16)
    merged = model.step(TokenMerging(model.unet, 0.5))
    with torch.no_grad():
        before = step(x, torch.tensor(10), text)
        changed = merged(x, torch.tensor(10), text)
        assert torch.equal(step(x, torch.tensor(10), text), before)
        with pytest.raises(RuntimeError):
            merged(torch.ones(1, 4, 16, 16), torch.tensor(10), text)  # a fault within
        assert torch.equal(step(x, torch.tensor(10), text), before)
    assert not torch.equal(changed, before)


def test_work_falls_with_the_ratio(model, point):
    text, _ = model.conditions(["red circle"], point)

    def macs(ratio):
        network = model.step(TokenMerging(model.unet, ratio))
        return count(network, [torch.ones(1, 3, 16, 16), torch.tensor(10), text]).macs

    found = [macs(ratio) for ratio in (0.0, 0.25, 0.5, 0.75)]
    assert (
        found[0]
        == count(model.step(model.unet), [torch.ones(1, 3, 16, 16), torch.tensor(10), text]).macs
    )
    assert found == sorted(set(found), reverse=True)
