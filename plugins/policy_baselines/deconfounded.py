"""Deconfounded imitation: believe what the world answers, never what oneself did.

Vuorio et al., "Deconfounded imitation learning", 2022. An episode has a latent z that the expert
knows. On the expert's data

    p(τ, z) = p(z) Π_t π(a_t | o_t, z) p(o_{t+1} | o_t, a_t, z),

and all three factors are learned by maximum likelihood, z summed out: expert's actions do tell
of z there. When the policy acts itself, its actions are interventions, and say nothing of z: its
belief is p(z) Π_t p(o_{t+1} | o_t, a_t, z), without the factors of the actions, and it acts by
Σ_z b_t(z) π(a | o_t, z). Here z is one of K values, so that sums are exact. The paper infers z by
a network trained in the simulator; with a finite z demonstrations are enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness import note
from harness.cost import Component
from harness_plugins.policy_baselines.cloning import sharpened
from harness_plugins.policy_baselines.networks import (
    Space,
    batches,
    check_loss,
    log_likelihood,
    mlp,
    pack,
    there,
    unpack,
)

__all__ = ["Deconfounded"]

_OUTLIER = 0.2  # share of transitions that a latent need not explain, e.g. replaced actions
_PILOTS = 0.35  # share of the training that finds where to begin
_PILOT_EPISODES = 250
_HELD_OUT = 0.1  # share of the episodes by which restarts are judged
_BATCH = 256
_ROUNDS = 40
_WEIGHED = 40  # steps of an episode by which its latent is judged in a round
_HEAT = 20.0


class World(nn.Module):
    """Prior over K latents, the policy given one, and the dynamics given one."""

    def __init__(self, space: Space, latents: int, width: int) -> None:
        super().__init__()
        self.space, self.latents = space, latents
        inputs = space.features + latents
        answers = space.states or space.features
        self.prior = nn.Parameter(
            torch.full((latents,), -float(np.log(latents))), requires_grad=False
        )
        self.policy = mlp([inputs, width, width, space.outputs])
        self.dynamics = mlp([inputs + space.action_features, width, width, answers])
        self.log_scale = nn.Parameter(torch.zeros(answers))
        self.change = nn.Parameter(torch.ones(answers), requires_grad=False)

    def acting(self, seen: Tensor) -> Tensor:
        """Return the policy's outputs under each latent: (..., F) to (..., K, O)."""
        return self.policy(self.with_latents(seen))

    def answering(self, seen: Tensor, acted: Tensor, after: Tensor) -> Tensor:
        """Return log p(o' | o, a, z) for each latent: (..., K)."""
        inputs = self.with_latents(torch.cat([seen, acted], -1))
        found = self.dynamics(inputs)
        if self.space.states:
            return (found.log_softmax(-1) * after[..., None, :]).sum(-1)
        error = ((after - seen) / self.change)[..., None, :] - found
        scale = self.log_scale.clamp(-4, 2)
        close = -(0.5 * (error * torch.exp(-scale)) ** 2 + scale).sum(-1)
        wide = -(0.5 * (error / 3) ** 2 + np.log(3.0)).sum(-1)
        return torch.logaddexp(close + np.log(1 - _OUTLIER), wide + np.log(_OUTLIER))

    def with_latents(self, values: Tensor) -> Tensor:
        """Return values (..., F) beside each latent: (..., K, F + K)."""
        one_hot = torch.eye(self.latents).expand(*values.shape[:-1], -1, -1)
        repeated = values[..., None, :].expand(*values.shape[:-1], self.latents, -1)
        return torch.cat([repeated, one_hot], -1)


class Deconfounded:
    """A belief over latents from transitions, and a policy that is told the latent.

    Args:
        latents: K, at least the number of contexts.
        width: units of each layer.
        transitions: how many to train on, if the budget allows, restarts included.
        restarts: worlds that a third of them is spent on; only the one with the best held-out
            likelihood learns on.
        greedy: take the most probable action.
    """

    def __init__(
        self, latents: int, width: int, transitions: int, restarts: int, greedy: bool
    ) -> None:
        self._latents, self._width = latents, width
        self._transitions, self._restarts = transitions, restarts
        self._greedy = greedy

    def fit(
        self,
        demonstrations: Mapping[str, np.ndarray],
        environment: Mapping[str, Any],
        seed: int,
        budget: int,
    ) -> bytes:
        """Learn prior, policy and dynamics from demonstrations alone."""
        space = Space.of(environment, demonstrations)
        data = _Data(space, demonstrations)
        allowed = min(self._transitions, budget)
        pilots = []
        for restart in range(self._restarts):
            world = World(space, self._latents, self._width)
            _randomise(world, data, seed * 1009 + restart)
            share = int(allowed * _PILOTS / self._restarts)
            score, used = _train(world, data, seed * 1009 + restart, share, pilot=True)
            pilots.append((score, restart, world, used))
        best = max(pilots, key=lambda p: p[:2])[2]
        spent = sum(p[3] for p in pilots)
        score, used = _train(best, data, seed * 1009 + self._restarts, allowed - spent)
        note("held_out_log_likelihood", {"pilots": [p[0] for p in pilots], "final": score})
        note("transitions", spent + used)
        return pack({"space": asdict(space)}, best)

    def load(self, checkpoint: bytes) -> None:
        """Restore the learned world."""
        about, (weights,) = unpack(checkpoint)
        self._space = Space(**about["space"])
        self._world = World(self._space, self._latents, self._width)
        self._world.load_state_dict(weights)

    def reset(self, batch: int, rng: np.random.Generator) -> None:
        """Believe the prior."""
        prior = self._world.prior.detach().double().log_softmax(0)
        self.belief = prior.expand(batch, -1).clone()
        self._before: tuple[Tensor, Tensor] | None = None
        self._rng = rng

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Return Σ_z b(z) π(a | o, z): (B, A)."""
        given = self._update(observation).double().softmax(-1)
        mixed = (self.belief.exp()[..., None] * given).sum(1).numpy()
        mixed /= mixed.sum(axis=-1, keepdims=True)
        return sharpened(mixed, greedy=self._greedy)

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Return continuous actions: of a latent drawn from the belief, or of the likeliest."""
        mean, deviation = self._update(observation).chunk(2, -1)
        batch = np.arange(len(mean))
        if self._greedy:
            return self._space.clipped(mean[batch, self.belief.argmax(1)].numpy())
        share = self.belief.exp().numpy().cumsum(axis=1)
        drawn = (share < self._rng.random((len(mean), 1))).sum(axis=1).clip(max=share.shape[1] - 1)
        noise = torch.from_numpy(self._rng.normal(size=mean[:, 0].shape).astype(np.float32))
        chosen = mean[batch, drawn] + torch.exp(deviation[batch, drawn].clamp(-4, 2)) * noise
        return self._space.clipped(chosen.numpy())

    def took(self, actions: np.ndarray) -> None:
        """Remember what was done, to hear what the world answers."""
        self._before = (self._seen, self._space.acted(actions))

    def components(self, item: np.ndarray, _point: Mapping[str, Any]) -> list[Component]:
        """Return policy and dynamics, as they are asked for the observations (B, ...) of a step.

        Both are asked for every latent at once.
        """
        world = self._world
        seen = self._space.observed(item)
        acted = torch.zeros(len(seen), self._space.action_features)
        given = {
            "policy": (world.policy, seen),
            "dynamics": (world.dynamics, torch.cat([seen, acted], -1)),
        }
        return [
            Component(name=name, module=module, inputs=[world.with_latents(values)], step="act")
            for name, (module, values) in given.items()
        ]

    @torch.no_grad()
    def _update(self, observation: np.ndarray) -> Tensor:
        """Weigh the latents by the last transition; return the policy under each: (B, K, O)."""
        self._seen = self._space.observed(observation)
        if self._before is not None:
            told = self._world.answering(*self._before, self._seen).double()
            self.belief = (self.belief + told).log_softmax(-1)
        return self._world.acting(self._seen)


class _Data:
    """Steps of demonstrations as tensors, a tenth of the episodes held out.

    Attributes:
        steps: (N,) of each episode.
        train, held: numbers of the episodes to learn from, and to judge by.
    """

    def __init__(self, space: Space, demonstrations: Mapping[str, np.ndarray]) -> None:
        mask = there(demonstrations)
        self.steps = mask.sum(axis=1)
        self.starts = np.cumsum(self.steps) - self.steps
        self.episode = np.repeat(np.arange(len(mask)), self.steps)
        kept = torch.from_numpy(mask)
        seen = space.observed(demonstrations["observations"])
        self.seen = seen[kept]
        self.acted = space.acted(demonstrations["actions"])[kept]
        self.after = torch.roll(self.seen, -1, 0)  # of the last step: not there, see ``answered``
        self.answered = torch.ones(len(self.seen), dtype=torch.bool)
        self.answered[self.starts + self.steps - 1] = False
        held = max(1, int(len(mask) * _HELD_OUT)) if len(mask) > 1 else 0
        self.train = np.arange(len(mask) - held)
        self.held = np.arange(len(mask) - held, len(mask)) if held else self.train
        self.change = torch.ones(self.seen.shape[-1])
        if not space.states:
            change = (self.after - self.seen)[self.answered]
            self.change = change.std(0, unbiased=False) + 1e-6

    def of(self, episodes: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
        """Return the steps of some episodes, or at most so many of each, drawn at random."""
        parts = []
        for episode in episodes:
            count = self.steps[episode]
            chosen = np.arange(count) if count <= most else rng.permutation(count)[:most]
            parts.append(self.starts[episode] + chosen)
        return np.concatenate(parts)

    def terms(self, world: World, index: np.ndarray) -> Tensor:
        """Return log π(a | o, z) + log p(o' | o, a, z) of some steps: (n, K)."""
        seen, acted = self.seen[index], self.acted[index]
        told = log_likelihood(world.acting(seen), acted[:, None, :], world.space)
        answers = world.answering(seen, acted, self.after[index])
        return told + answers * self.answered[index][:, None]

    @torch.no_grad()
    def of_episodes(self, world: World, episodes: np.ndarray, index: np.ndarray) -> Tensor:
        """Return log p(steps of an episode | z) for each of some episodes: (len, K)."""
        place = np.zeros(len(self.steps), np.int64)
        place[episodes] = np.arange(len(episodes))
        total = torch.zeros(len(episodes), world.latents, dtype=torch.float64)
        where = torch.from_numpy(place[self.episode[index]])
        return total.index_add(0, where, self.terms(world, index).double())


def _train(
    world: World, data: _Data, seed: int, allowed: int, *, pilot: bool = False
) -> tuple[float, int]:
    """Learn by expectation maximisation, in rounds.

    In a round the networks climb the likelihood of single steps, each episode's weighted by how
    probable each latent is for it; then these weights are computed anew from a sample of its
    steps. A pilot begins with weights drawn at random, on few episodes, and tempers them at
    first: an episode of hundreds of steps would otherwise belong to one latent for good before
    the latents mean anything.

    Returns:
        The log likelihood of a held-out step, in nats, and the steps looked at.
    """
    rng = np.random.default_rng(seed)
    train = rng.permutation(data.train)[:_PILOT_EPISODES] if pilot else data.train
    pool = data.of(train, int(data.steps.max()), rng)
    judged = min(int(data.steps[data.held].sum()), allowed // 10)
    weighed = int(np.minimum(data.steps[train], _WEIGHED).sum())
    rounds = int(np.clip((allowed - judged) // (3 * weighed), 1, _ROUNDS))
    climbed = max(1, ((allowed - judged) // rounds - weighed) // _BATCH)
    optimiser = torch.optim.Adam([p for p in world.parameters() if p.requires_grad], lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, rounds * climbed)
    weights = torch.zeros(len(data.steps), world.latents)
    drawn = rng.dirichlet(np.ones(world.latents), len(train))
    weights[train] = torch.from_numpy(drawn).float()
    used = 0
    for number in range(rounds):
        index = data.of(train, _WEIGHED, rng)
        if not (pilot and number == 0) and used + len(index) <= allowed - judged:
            used += len(index)
            joint = data.of_episodes(world, train, index) + world.prior.double()
            heat = max(1.0, _HEAT * (1 - 2 * number / rounds)) if pilot else 1.0
            weights[train] = (joint / heat).softmax(1).float()
            world.prior.copy_((joint.softmax(1).mean(0) + 1e-6).log().log_softmax(0))
        for chosen in batches(len(pool), _BATCH, rng, climbed):
            index = pool[chosen]
            if used + len(index) > allowed - judged:
                break
            used += len(index)
            found = data.terms(world, index)
            loss = -(weights[data.episode[index]] * found).sum(1).mean()
            check_loss(loss)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(world.parameters(), 5.0)
            optimiser.step()
            schedule.step()
    index = data.of(data.held, max(1, judged // len(data.held)), rng)[:judged]
    if not len(index):
        return float("-inf"), used
    found = data.of_episodes(world, data.held, index) + world.prior.double()
    return float(found.logsumexp(1).sum()) / len(index), used + len(index)


@torch.no_grad()
def _randomise(world: World, data: _Data, seed: int) -> None:
    """Set all weights from the seed alone."""
    generator = torch.Generator().manual_seed(seed)
    for value in world.parameters():
        if value.ndim == 2:
            value.copy_(torch.randn(value.shape, generator=generator) / value.shape[1] ** 0.5)
        elif value.requires_grad:
            value.zero_()
    world.change.copy_(data.change)
