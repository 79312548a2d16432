"""The network and its sampler: patches, places, exact turns, and what is left out."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from harness_plugins.generative_editing.network import VideoTransformer, patches, unpatched
from harness_plugins.generative_editing.sampling import (
    Asked,
    Pace,
    Run,
    edited,
    inverted,
    levels,
    whole,
)

GRID = (2, 4, 4)
TOKENS = 32


def network(seed=0):
    torch.manual_seed(seed)
    net = VideoTransformer(width=32, depth=2, grid=GRID, words=5)
    for parameter in net.parameters():  # its last layer begins at zero, and would hide all
        parameter.data += 0.1 * torch.randn(parameter.shape)
    return net.eval().requires_grad_(requires_grad=False)


def asked(seed=1):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.zeros(1, TOKENS, 8, dtype=torch.bool)
    mask[:, [5, 6, 9, 21, 22, 25], 2:5] = True
    tokens = torch.randn(1, TOKENS, 24, generator=generator)
    return Asked(tokens, mask, torch.tensor([[1, 3]]))


def edit(pace, guidance=2.0, free=2, net=None, steps=10, fresh=0.5):
    net, one = net or network(), asked()
    noise = torch.randn(one.tokens.shape, generator=torch.Generator().manual_seed(3))
    path = inverted(net, one, pace, steps, free)
    return path, edited(net, one, path, pace, free, guidance, fresh, noise)


def test_patches_are_parts_of_the_video_and_come_back():
    video = torch.arange(2 * 3 * 4 * 8 * 8.0).view(2, 3, 4, 8, 8)
    tokens = patches(video)
    assert tokens.shape == (2, TOKENS, 24)
    assert torch.equal(unpatched(tokens, GRID), video)
    part = video[1, :, 2:4, 2:4, 4:6]  # time 1, row 1, column 2
    assert torch.equal(tokens[1, 16 + 4 + 2], part.flatten())


def test_attention_is_that_of_scores_less_weighted_squares():
    net, x = network(), torch.randn(1, 6, 32)
    at = torch.tensor([[0, 0, 0], [0, 1, 2], [1, 3, 1], [1, 0, 0], [0.5, 1.5, 2], [0, 3, 3]])[None]
    attend = net.blocks[0].attend
    query, key, value = (
        attend.into(x).view(1, 6, 4, -1).transpose(1, 2).split(attend.sizes, dim=-1)
    )
    scores = query @ key.transpose(-1, -2) / math.sqrt(attend.sizes[0])
    aside = at[0, None, :] - at[0, :, None] - attend.aside[:, None, None]  # (heads, from, to, 3)
    near = attend.near.exp()
    squares = near[:, :1, None] * aside[..., 0] ** 2 + near[:, 1:, None] * (
        aside[..., 1:] ** 2
    ).sum(dim=-1)
    seen = (functional.softmax(scores - squares, dim=-1) @ value).transpose(1, 2)
    torch.testing.assert_close(attend(x, at), attend.out(seen.reshape(1, 6, -1)))


def test_tokens_may_come_in_any_order_and_number():
    net, one = network(), asked()
    run = Run(net, one, Pace())
    x, inside, places, angle, words = run.given(one.tokens, 0.7, one.words)
    order = torch.randperm(TOKENS, generator=torch.Generator().manual_seed(0))
    shuffled = net(x[:, order], inside[:, order], places[:, order], angle, words)
    torch.testing.assert_close(shuffled, net(x, inside, places, angle, words)[:, order])
    assert run.object(one.tokens, 0.7, one.words).shape == (1, 6, 24)


@given(st.integers(1, 40))
def test_levels_rise_from_clean_to_noise(steps):
    found = levels(steps)
    assert len(found) == steps + 1
    assert found[0] == 0
    assert found[-1] == pytest.approx(math.pi / 2)
    assert all(a < b for a, b in pairwise(found))


@given(st.integers(1, 30), st.integers(0, 30), st.integers(1, 9))
def test_free_steps_and_each_kth_of_the_others_are_whole(steps, free, every):
    found = whole(Pace(every=every), steps, free)
    assert len(found) == steps
    assert all(found[:free])
    assert sum(found[free:]) == -(-max(0, steps - free) // every)


@settings(max_examples=5, deadline=None)
@given(st.integers(2, 12))
def test_a_known_direction_is_followed_exactly(steps):
    """Of one clean video and one noise, v is known at each level, and DDIM makes no error."""

    class Known(torch.nn.Module):
        def forward(self, x, _inside, places, angle, _words):
            a = angle[:, None, None]
            return (a.cos() * error - a.sin() * one.tokens)[:, places[0]].expand(len(x), -1, -1)

    one = asked()
    error = torch.randn(one.tokens.shape, generator=torch.Generator().manual_seed(9))
    for pace in (Pace(), Pace(every=3)):
        path = inverted(Known(), one, pace, steps, 1)
        for x, angle in zip(path, levels(steps), strict=True):
            expected = math.cos(angle) * one.tokens[0] + math.sin(angle) * error[0]
            torch.testing.assert_close(x, expected, atol=1e-4, rtol=0)
        made = edited(Known(), one, path, pace, 1, 2.0, 0.0, error)
        torch.testing.assert_close(made, one.tokens, atol=1e-4, rtol=0)


def test_without_free_steps_the_background_is_the_source_to_the_bit():
    one = asked()
    inside = one.mask.repeat(1, 1, 3)
    for pace in (Pace(), Pace(every=4), Pace(merged=0.5)):
        _, made = edit(pace, free=0)
        assert torch.equal(made[~inside], one.tokens[~inside])
        assert not torch.isclose(made[inside], one.tokens[inside]).any()


def test_at_the_neutral_settings_nothing_changes():
    net = network()
    path, made = edit(Pace(), net=net)
    for pace in (Pace(object_first=0.7), Pace(every=1), Pace(merged=0.0, every=1)):
        other, again = edit(pace, net=net)
        assert torch.equal(other, path)
        assert torch.equal(again, made)
    for pace in (Pace(merged=0.5), Pace(every=4), Pace(apart=True)):
        assert not torch.equal(edit(pace, net=net)[1], made)


def test_the_free_steps_of_inverting_are_the_same_at_any_pace_of_sampling():
    net = network()
    paths = [edit(pace, net=net, free=3)[0] for pace in (Pace(), Pace(every=4))]
    assert torch.equal(paths[0][:4], paths[1][:4])


def test_new_noise_stays_inside_the_mask():
    net, one = network(), asked()
    inside = one.mask.repeat(1, 1, 3)
    path = inverted(net, one, Pace(), 6, 1)
    outputs = []
    for seed in (0, 1):
        noise = torch.randn(one.tokens.shape, generator=torch.Generator().manual_seed(seed))
        outputs.append(edited(net, one, path, Pace(), 0, 1.0, 1.0, noise))
    assert torch.equal(outputs[0][~inside], outputs[1][~inside])
    assert not torch.equal(outputs[0][inside], outputs[1][inside])


def merged_away(object_first):
    """Return which tokens are merged, of all the same features."""
    from harness_plugins.generative_diffusers.token_merging import matching

    run = Run(network(), asked(), Pace(merged=0.4, object_first=object_first))
    merge, spread = matching(torch.ones(1, TOKENS, 4), 8, 4, run.merged, run.weight)
    numbers = torch.arange(float(TOKENS))[None, :, None]
    return [n for n in range(TOKENS) if spread(merge(numbers))[0, n, 0] != n]


def test_tokens_of_the_background_are_merged_before_those_of_the_object():
    chosen = set(asked().object.nonzero()[:, 0].tolist())
    assert chosen == {5, 6, 9, 21, 22, 25}
    assert not chosen & (set(merged_away(0.1)) - {0, 2, 8, 10, 16, 18, 24, 26})
    assert chosen & set(merged_away(1.0))
