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
_HELD_OUT = 0.1


class World(nn.Module):
    """Prior over K latents, the policy given one, and the dynamics given one."""

    def __init__(self, space: Space, latents: int, width: int) -> None:
        super().__init__()
        self.space, self.latents = space, latents
        inputs = space.features + latents
        answers = space.states or space.features
        self.prior = nn.Parameter(torch.zeros(latents))
        self.policy = mlp([inputs, width, width, space.outputs])
        self.dynamics = mlp([inputs + space.action_features, width, width, answers])
        self.log_scale = nn.Parameter(torch.zeros(answers))
        self.change = nn.Parameter(torch.ones(answers), requires_grad=False)

    def acting(self, seen: Tensor) -> Tensor:
        """Return the policy's outputs under each latent: (..., F) to (..., K, O)."""
        return self.policy(self._with_latents(seen))

    def answering(self, seen: Tensor, acted: Tensor, after: Tensor) -> Tensor:
        """Return log p(o' | o, a, z) for each latent: (..., K)."""
        inputs = self._with_latents(torch.cat([seen, acted], -1))
        found = self.dynamics(inputs)
        if self.space.states:
            return (found.log_softmax(-1) * after[..., None, :]).sum(-1)
        error = ((after - seen) / self.change)[..., None, :] - found
        scale = self.log_scale.clamp(-4, 2)
        close = -(0.5 * (error * torch.exp(-scale)) ** 2 + scale).sum(-1)
        wide = -(0.5 * (error / 3) ** 2 + np.log(3.0)).sum(-1)
        return torch.logaddexp(close + np.log(1 - _OUTLIER), wide + np.log(_OUTLIER))

    def _with_latents(self, values: Tensor) -> Tensor:
        one_hot = torch.eye(self.latents).expand(*values.shape[:-1], -1, -1)
        repeated = values[..., None, :].expand(*values.shape[:-1], self.latents, -1)
        return torch.cat([repeated, one_hot], -1)


class Deconfounded:
    """A belief over latents from transitions, and a policy that is told the latent.

    Args:
        latents: K, at least the number of contexts.
        width: units of each layer.
        transitions: how many to train on, if the budget allows, restarts included.
        restarts: worlds to train; the one with the best held-out likelihood is kept.
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
        worlds = []
        for restart in range(self._restarts):
            world = World(space, self._latents, self._width)
            used = _train(world, data, seed * 1009 + restart, allowed // self._restarts)
            worlds.append((data.likelihood(world), restart, world, used))
        note("held_out_log_likelihood", [w[0] for w in worlds])
        note("transitions", sum(w[3] for w in worlds))
        return pack({"space": asdict(space)}, max(worlds, key=lambda w: w[:2])[2])

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

    @torch.no_grad()
    def _update(self, observation: np.ndarray) -> Tensor:
        """Weigh the latents by the last transition; return the policy under each: (B, K, O)."""
        self._seen = self._space.observed(observation)
        if self._before is not None:
            told = self._world.answering(*self._before, self._seen).double()
            self.belief = (self.belief + told).log_softmax(-1)
        return self._world.acting(self._seen)


class _Data:
    """Demonstrations as tensors, a tenth of the episodes held out."""

    def __init__(self, space: Space, demonstrations: Mapping[str, np.ndarray]) -> None:
        self.mask = torch.from_numpy(there(demonstrations))
        self.seen = space.observed(demonstrations["observations"])
        self.acted = space.acted(demonstrations["actions"])
        held = max(1, int(len(self.mask) * _HELD_OUT)) if len(self.mask) > 1 else 0
        self.train = np.arange(len(self.mask) - held)
        self.held = np.arange(len(self.mask) - held, len(self.mask)) if held else self.train
        self.change = torch.ones(self.seen.shape[-1])
        if not space.states:
            both = self.mask[:, 1:]
            self.change = (self.seen[:, 1:] - self.seen[:, :-1])[both].std(0) + 1e-6

    def terms(self, world: World, index: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return log p(episode | z) of some episodes, (B, K), and their steps (B,)."""
        mask = self.mask[index]
        steps = mask.sum(1)
        longest = int(steps.max())
        mask, seen = mask[:, :longest], self.seen[index, :longest]
        acted = self.acted[index, :longest]
        told = log_likelihood(world.acting(seen), acted[..., None, :], world.space)
        total = (told * mask[..., None]).sum(1)
        if longest > 1:
            answers = world.answering(seen[:, :-1], acted[:, :-1], seen[:, 1:])
            total = total + (answers * mask[:, 1:, None]).sum(1)
        return total, steps

    @torch.no_grad()
    def likelihood(self, world: World) -> float:
        """Return the log likelihood of a held-out step, in nats."""
        found, steps = self.terms(world, self.held)
        return float((found + world.prior.log_softmax(0)).logsumexp(1).sum() / steps.sum())


def _train(world: World, data: _Data, seed: int, allowed: int) -> int:
    """Climb the likelihood; return the transitions looked at.

    Responsibilities are tempered at first: an episode of hundreds of steps would otherwise
    belong to one latent for good before the latents mean anything.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in world.parameters():
            if value.ndim == 2:
                value.copy_(torch.randn(value.shape, generator=generator) / value.shape[1] ** 0.5)
            elif value.requires_grad:
                value.zero_()
        world.change.copy_(data.change)
    rng = np.random.default_rng(seed)
    length = float(data.mask.sum()) / len(data.mask)
    size = min(16, len(data.train))
    most = max(1, int(allowed / (size * length)))
    optimiser = torch.optim.Adam([p for p in world.parameters() if p.requires_grad], lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, most)
    used = 0
    for step, index in enumerate(batches(len(data.train), size, rng, most)):
        chosen = data.train[index]
        cost = int(data.mask[chosen].sum())
        if used + cost > allowed:
            break
        used += cost
        found, steps = data.terms(world, chosen)
        heat = max(1.0, float(steps.float().mean()) * (1 - 3 * step / most))
        joint = found + world.prior.log_softmax(0)
        weights = (joint.detach() / heat).softmax(1)
        loss = -(weights * joint).sum() / steps.sum()
        check_loss(loss)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(world.parameters(), 5.0)
        optimiser.step()
        schedule.step()
    return used
