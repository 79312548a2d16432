from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.causal_baselines.latent import LatentModel, Shape
from harness_plugins.causal_baselines.likelihood import log_density
from harness_plugins.causal_baselines.mechanisms import Explicit, direct_effects, make
from harness_plugins.causal_baselines.training import Recipe, plan


class LinearSolutions(torch.nn.Module):
    """z = J e, as a linear model's solution functions give it."""

    def __init__(self, responses: torch.Tensor) -> None:
        super().__init__()
        self.responses = responses

    def everywhere(self, e: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        own = torch.diagonal(self.responses)
        shift = e @ (self.responses - torch.diag(own)).T
        return shift, own.log().expand(e.shape)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_direct_effects_of_a_linear_model_are_its_weights(seed: int, k: int) -> None:
    # z = Wᵀ z + D e, so J = (I − Wᵀ)⁻¹ D, though J itself mixes direct and indirect effects
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.normal(size=(k, k)), 1) * (rng.random((k, k)) < 0.5)
    order = rng.permutation(k)
    weights = weights[np.ix_(order, order)]
    scales = np.diag(rng.uniform(0.5, 2, k))
    responses = torch.tensor(np.linalg.inv(np.eye(k) - weights.T) @ scales)
    e = torch.tensor(rng.standard_normal((1, 50, k)))
    found = direct_effects(LinearSolutions(responses), e)[0].numpy()
    np.testing.assert_allclose(found, np.abs(weights), atol=1e-6)


@pytest.mark.parametrize("name", ["implicit", "explicit", "independent"])
def test_targets_and_all_variables_agree(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    mechanisms = make(name, 2, 3, 8, generator)
    e = torch.randn((2, 5, 3), generator=generator)
    everywhere = mechanisms.everywhere(e)
    at_targets = mechanisms.at_targets(e[:, None].expand(-1, 3, -1, -1))
    for all_of, own in zip(everywhere, at_targets, strict=True):
        torch.testing.assert_close(all_of.transpose(1, 2), own)


@given(st.integers(0, 2**32 - 1))
def test_graphs_drawn_have_no_cycle_and_edges_as_probable_as_said(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mechanisms = Explicit(200, 4, 4, generator)
    with torch.no_grad():  # one distribution, drawn from 200 times
        mechanisms.scores[:] = torch.randn(4, generator=generator)
        mechanisms.switches[:] = torch.randn((4, 4), generator=generator)
        mechanisms.generator = generator
        adjacency, order = mechanisms.graph()
    powers = torch.linalg.matrix_power(adjacency, 4)
    assert torch.all(powers == 0)
    for graph, variables in zip(adjacency, order, strict=True):
        assert torch.all(torch.tril(graph[variables][:, variables]) == 0) or torch.all(
            torch.triu(graph[variables][:, variables]) == 0
        )
    said = mechanisms.probabilities()[0].detach()
    # five standard deviations of a share of 200, the largest of which is 0.035
    assert (adjacency.mean(0) - said).abs().max() < 0.18


def test_intervening_sets_the_variable_and_keeps_the_other_noises() -> None:
    generator = torch.Generator().manual_seed(1)
    model = LatentModel(1, Shape(3, 3, "implicit", 8, 0.1), generator)
    e = torch.randn((1, 6, 3), generator=generator)
    target = torch.tensor([0, 1, 2, 0, 1, 2])
    value = torch.randn(6, generator=generator)
    with torch.no_grad():
        done = model.intervened(e, target, value)
        shift, log_scale = model.mechanisms.everywhere(done)
    z = (shift + log_scale.exp() * done)[0]
    torch.testing.assert_close(z[torch.arange(6), target], value)
    kept = torch.nn.functional.one_hot(target, 3) == 0
    assert torch.equal(done[0][kept], e[0][kept])


def test_density_of_a_linear_gaussian_model() -> None:
    # x = w e + noise, so x ~ N(0, w² + s²); the encoder is close to the posterior but not equal
    model = LatentModel(1, Shape(1, 1, "independent", 2, 0.5), torch.Generator().manual_seed(0))
    weight, std = 1.2, 0.5
    with torch.no_grad():
        for network, gain in ((model.decoder, weight), (model.encoder.net, 0.8)):
            for parameter in network.parameters():
                parameter.zero_()
            for layer, column in ((0, [1.0, -1.0]), (1, None)):
                network.layers[layer].weight[0] = (
                    torch.tensor([column]) if column else torch.eye(2)
                )
            network.layers[2].weight[0, :, 0] = torch.tensor([gain, -gain])
        model.encoder.net.layers[2].bias[0, 0, 1] = 2.0  # a deviation of 0.70: wider than needed
    x = torch.linspace(-2, 2, 9)[:, None]
    found = log_density(model, x, None, 20_000, paired=False)
    variance = weight**2 + std**2
    exact = -0.5 * x[:, 0].numpy() ** 2 / variance - 0.5 * math.log(2 * math.pi * variance)
    np.testing.assert_allclose(found, exact, atol=0.03)  # 20,000 samples
    # nothing intervened on, or the only variable: p(x, x̃) = ½ N₂(x, x̃; one e) + ½ p(x) p(x̃)
    pair = log_density(model, x, x.flip(0), 20_000, paired=True)
    covariance = np.full((2, 2), weight**2) + std**2 * np.eye(2)
    both = np.stack([x[:, 0].numpy(), x[:, 0].numpy()[::-1]], axis=1)
    square = np.einsum("ni,ij,nj->n", both, np.linalg.inv(covariance), both)
    same = -0.5 * square - 0.5 * math.log(np.linalg.det(2 * math.pi * covariance))
    exact_pair = np.logaddexp(same, exact + exact[::-1]) - math.log(2)
    np.testing.assert_allclose(pair, exact_pair, atol=0.05)


@given(st.integers(1, 10**7), st.integers(1, 10**4), st.integers(1, 8), st.integers(1, 1000))
def test_a_plan_keeps_to_the_budget(budget: int, steps: int, restarts: int, batch: int) -> None:
    work = plan(Recipe(steps, restarts, batch, 1e-3, None), budget)
    assert 1 <= work.examples <= budget
    assert work.steps <= steps
    assert work.restarts in (1, restarts)
    # as much as there is room for
    assert work.steps == steps or work.examples + work.restarts * work.batch > budget
