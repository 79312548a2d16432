"""Behavioural cloning: predict the expert's next action from what is seen, or from the past.

With memory it conditions on its own past actions as if they told of the context, as the
expert's did; acting on that is the delusion that deconfounded imitation avoids (Ortega et al.,
"Shaking the foundations: delusions in sequence models for interaction and control", 2021).
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
from harness_plugins.policy_baselines.networks import (
    Space,
    batches,
    check_loss,
    log_likelihood,
    mlp,
    pack,
    probabilities,
    there,
    unpack,
)

__all__ = ["Cloned", "Cloning", "train"]

Demonstrations = Mapping[str, np.ndarray]


class Cloned(nn.Module):
    """A network from observations, and past actions where it has memory, to actions."""

    def __init__(self, space: Space, width: int, *, memory: bool) -> None:
        super().__init__()
        self.memory = memory
        if memory:
            self.gru = nn.GRU(space.features + space.action_features, width, batch_first=True)
            self.head = mlp([width, width, space.outputs])
        else:
            self.head = mlp([space.features, width, width, space.outputs])

    def forward(
        self, seen: Tensor, acted: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return outputs (B, T, O) for features (B, T, F) and the actions before them."""
        if not self.memory:
            return self.head(seen), None
        hidden, state = self.gru(torch.cat([seen, acted], -1), state)
        return self.head(hidden), state


def train(
    space: Space,
    demonstrations: Demonstrations,
    seed: int,
    budget: int,
    *,
    memory: bool,
    width: int,
    transitions: int,
    expert: np.ndarray | None = None,
) -> Cloned:
    """Fit by maximum likelihood of the expert's actions.

    Args:
        demonstrations: their ``actions`` are what was executed.
        budget: transitions that may be looked at, a limit on ``transitions``.
        expert: (E, T[, a]) the actions to imitate, where others were executed.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Cloned(space, width, memory=memory)
    mask = torch.from_numpy(there(demonstrations))
    seen = space.observed(demonstrations["observations"])
    executed = space.acted(demonstrations["actions"])
    wanted = executed if expert is None else space.acted(expert)
    before = torch.cat([torch.zeros_like(executed[:, :1]), executed[:, :-1]], 1)
    if not memory:  # steps are then independent, and shuffled
        seen, before, wanted = (v[mask][:, None] for v in (seen, before, wanted))
        mask = torch.ones(len(seen), 1, dtype=torch.bool)
    length = float(mask.sum()) / len(mask)  # transitions that one sequence costs on average
    size = min(16 if memory else 256, max(1, int(budget / mask.sum(1).max())))
    most = max(1, int(min(transitions, budget) / (min(size, len(mask)) * length)))
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, most)
    used = 0
    for index in batches(len(mask), size, rng, most):
        kept = mask[index]
        if used + int(kept.sum()) > budget:
            break
        used += int(kept.sum())
        longest = int(kept.sum(1).max())
        output, _ = network(seen[index, :longest], before[index, :longest])
        found = log_likelihood(output, wanted[index, :longest], space)
        loss = -found[kept[:, :longest]].mean()
        check_loss(loss)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
    note("transitions", used)
    return network


class Cloning:
    """Naive behavioural cloning, memoryless or over its own history.

    Args:
        memory: condition on the past, own actions included.
        width: units of each layer.
        transitions: how many to train on, if the budget allows.
        greedy: take the most probable action, as suits an expert that never draws lots.
    """

    def __init__(self, memory: bool, width: int, transitions: int, greedy: bool) -> None:
        self._memory, self._width, self._transitions = memory, width, transitions
        self._greedy = greedy

    def fit(
        self,
        demonstrations: Demonstrations,
        environment: Mapping[str, Any],
        seed: int,
        budget: int,
    ) -> bytes:
        """Clone the expert's actions."""
        space = Space.of(environment, demonstrations)
        network = train(
            space,
            demonstrations,
            seed,
            budget,
            memory=self._memory,
            width=self._width,
            transitions=self._transitions,
        )
        return pack({"space": asdict(space)}, network)

    def load(self, checkpoint: bytes) -> None:
        """Restore the network."""
        about, (weights,) = unpack(checkpoint)
        self._space = Space(**about["space"])
        self._network = Cloned(self._space, self._width, memory=self._memory)
        self._network.load_state_dict(weights)

    def reset(self, batch: int, rng: np.random.Generator) -> None:
        """Forget the past."""
        self._state: Tensor | None = None
        self._last = torch.zeros(batch, 1, self._space.action_features)
        self._rng = rng

    def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
        """Return π(a | history): (B, A)."""
        return sharpened(probabilities(self._output(observation)), greedy=self._greedy)

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Return continuous actions: drawn, or the means where the policy is greedy."""
        mean, deviation = self._output(observation).chunk(2, -1)
        noise = torch.from_numpy(self._rng.normal(size=mean.shape).astype(np.float32))
        spread = 0.0 if self._greedy else torch.exp(deviation.clamp(-4, 2))
        return self._space.clipped((mean + spread * noise).numpy())

    def took(self, actions: np.ndarray) -> None:
        """Remember what was executed."""
        self._last = self._space.acted(actions)[:, None]

    def components(self, item: np.ndarray, _point: Mapping[str, Any]) -> list[Component]:
        """Return the network, as it is asked once for the observations (B, ...) of a step."""
        seen = self._space.observed(item)[:, None]
        before = torch.zeros(len(seen), 1, self._space.action_features)
        return [Component(name="policy", module=self._network, inputs=[seen, before], step="act")]

    @torch.no_grad()
    def _output(self, observation: np.ndarray) -> Tensor:
        seen = self._space.observed(observation)[:, None]
        output, self._state = self._network(seen, self._last, self._state)
        return output[:, 0]


def sharpened(probability: np.ndarray, *, greedy: bool) -> np.ndarray:
    """Return probabilities, or all of it on the most probable action."""
    if not greedy:
        return probability
    return np.eye(probability.shape[-1])[probability.argmax(axis=-1)]
