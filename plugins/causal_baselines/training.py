"""Training of latent variable models: phases, restarts, and the examples that they may look at."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from harness_plugins.causal.interface import Diverged
from harness_plugins.causal_baselines.latent import LatentModel, Shape
from harness_plugins.causal_baselines.mechanisms import Explicit

__all__ = ["Plan", "Recipe", "Trained", "bound", "plan", "train"]

_PRETRAINING_BETA = 1e-3
_FEWEST_STEPS = 100  # of a run; with fewer, restarts tell nothing
_VALIDATION = 4096
_START_STD = 0.15  # of encodings around those to begin with
_SPARSITY = 0.05  # nats for each edge of a learned graph


class Recipe(NamedTuple):
    """How to train.

    Attributes:
        steps: of each run, where the budget has them.
        restarts: runs; the best on validation pairs is kept.
        batch: examples per step.
        rate: step size of Adam.
        beta: weight of the divergence in a model of single observations; None for one of pairs.
    """

    steps: int
    restarts: int
    batch: int
    rate: float
    beta: float | None


class Plan(NamedTuple):
    """What of a recipe a budget has room for."""

    steps: int
    restarts: int
    batch: int

    @property
    def examples(self) -> int:
        """Examples looked at, repetitions counted, over all restarts."""
        return self.steps * self.restarts * self.batch


class Trained(NamedTuple):
    """The best run.

    Attributes:
        state: tensors of a model with one run.
        bounds: validation bound of each run in nats; the highest is kept.
    """

    state: dict[str, Tensor]
    bounds: list[float]


def plan(recipe: Recipe, budget: int) -> Plan:
    """Return the steps of ``recipe`` that ``budget`` examples have room for.

    Steps shrink first; where runs would be of fewer than 100 steps there is one run, and where
    one batch is too much the batch shrinks.
    """
    restarts, batch = recipe.restarts, max(1, min(recipe.batch, budget))
    if budget < _FEWEST_STEPS * restarts * batch:
        restarts = 1
    return Plan(min(recipe.steps, budget // (restarts * batch)), restarts, batch)


def train(
    shape: Shape,
    pairs: Tensor,
    val: Tensor,
    recipe: Recipe,
    work: Plan,
    seed: int,
    start: Tensor | None = None,
) -> Trained:
    """Train ``work.restarts`` models side by side and keep the best on validation pairs.

    Pairs, (n, 2, m), go through three phases of equal length (Brehmer et al. 2022, appendix C,
    shortened): a β-VAE of single observations; the bound over all interventions, with a bonus
    for using every target; the bound of the most probable intervention, while the step size
    falls to 0 as a cosine. Where there is a ``start``, noises (n', 2, k) that the first n' pairs
    are thought to have, the first phase is of these pairs, and draws encodings to it.

    Raises:
        Diverged: no run ends at a finite bound.
    """
    generator = torch.Generator().manual_seed(seed)
    model = LatentModel(work.restarts, shape, generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.rate, fused=True)
    explicit = model.mechanisms if isinstance(model.mechanisms, Explicit) else None
    for step in range(work.steps):
        done = step / work.steps
        begins = start if done < 1 / 3 else None
        most = len(pairs) if begins is None else len(begins)
        drawn = torch.randint(most, (work.restarts * work.batch,), generator=generator)
        batch = pairs[drawn].unflatten(0, (work.restarts, work.batch))
        if explicit is not None:  # graphs are drawn until the targets are settled
            explicit.generator = generator if done < 2 / 3 else None
        if begins is None:
            loss = _loss(model, batch, done, recipe, generator)
        else:
            towards = begins[drawn].unflatten(0, (work.restarts, work.batch))
            loss = _start_loss(model, batch, towards, generator)
        if explicit is not None:
            loss = loss + _SPARSITY * (done > 0.5) * explicit.probabilities().sum((-1, -2))
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * 0.5 * (1 + math.cos(math.pi * max(0.0, 3 * done - 2)))
        optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        optimizer.step()
    if explicit is not None:
        explicit.generator = None
    bounds = bound(model, val[:_VALIDATION], recipe.beta).tolist()
    finite = [value if math.isfinite(value) else -math.inf for value in bounds]
    best = max(range(work.restarts), key=finite.__getitem__)
    if finite[best] == -math.inf:
        raise Diverged("the loss is no longer finite")
    state = {name: values[best : best + 1].clone() for name, values in model.state_dict().items()}
    return Trained(state, bounds)


@torch.no_grad()
def bound(model: LatentModel, val: Tensor, beta: float | None) -> Tensor:
    """Return the mean bound on the log density of validation pairs, (runs,), in nats.

    The noise is the same for every model and call.
    """
    generator = torch.Generator().manual_seed(0)
    runs = len(model.change)
    val = val.expand(runs, *val.shape)
    if beta is not None:
        return model.single_elbo(val.flatten(1, 2), 1.0, generator).mean(-1) * val.shape[2]
    return _soft_bound(*model.pair_terms(val[:, :, 0], val[:, :, 1], generator))


def _loss(
    model: LatentModel, batch: Tensor, done: float, recipe: Recipe, generator: torch.Generator
) -> Tensor:
    """Return the loss of each run, (runs,), after a fraction ``done`` of the steps."""
    if recipe.beta is not None or done < 1 / 3:
        beta = _PRETRAINING_BETA if recipe.beta is None else recipe.beta
        return -2 * model.single_elbo(batch.flatten(1, 2), beta, generator).mean(-1)
    if done < 2 / 3:
        log_q, log_joint = model.pair_terms(batch[:, :, 0], batch[:, :, 1], generator)
        used = log_q.exp().mean(1)
        bonus = -(used * (used + 1e-9).log()).sum(-1)
        return -_soft_bound(log_q, log_joint) - bonus
    return -model.likeliest_terms(batch[:, :, 0], batch[:, :, 1], generator)[1].mean(-1)


def _start_loss(
    model: LatentModel, batch: Tensor, towards: Tensor, generator: torch.Generator
) -> Tensor:
    """Return the loss of each run, (runs,), of encodings (runs, n, 2, k) to begin with."""
    x = batch.flatten(1, 2)
    missed = ((model.encoder(x)[0] - towards.flatten(1, 2)) ** 2).sum(-1).mean(-1)
    return missed / (2 * _START_STD**2) - model.single_elbo(x, 1.0, generator).mean(-1)


def _soft_bound(log_q: Tensor, log_joint: Tensor) -> Tensor:
    """Return E_q(I) [log p(x, x̃, e, ẽ, I) − log q(e, ẽ, I)], (runs,); p(I) is uniform."""
    prior = -math.log(log_q.shape[-1])
    return (log_q.exp() * (log_joint + prior - log_q)).sum(-1).mean(-1)
