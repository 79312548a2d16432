"""What the learned policies share: features of observations, small networks, checkpoints."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness_plugins.policy.interface import Diverged

__all__ = [
    "Space",
    "batches",
    "check_loss",
    "log_likelihood",
    "mlp",
    "pack",
    "probabilities",
    "there",
    "unpack",
]


@dataclass(frozen=True, slots=True)
class Space:
    """How observations and actions of an environment enter and leave a network.

    Attributes:
        states: number of discrete observations; 0 where they are continuous.
        actions: number of discrete actions; 0 where they are continuous.
        width: size of an action vector where actions are continuous.
        mean, scale: of continuous observations in the demonstrations.
        low, high: bounds of continuous actions.
    """

    states: int
    actions: int
    width: int
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, Any], demonstrations: Mapping[str, Any]) -> Space:
        """Read the space of an environment; scales come from the demonstrations."""
        seen, acted = environment["observation"], environment["action"]
        states, actions = int(seen.get("n") or 0), int(acted.get("n") or 0)
        mean: tuple[float, ...] = ()
        scale: tuple[float, ...] = ()
        if not states:
            steps = demonstrations["observations"][there(demonstrations)]
            steps = np.asarray(steps, np.float64).reshape(len(steps), -1)
            mean = tuple(steps.mean(axis=0).tolist())
            scale = tuple((steps.std(axis=0) + 1e-6).tolist())
        width = 0 if actions else int(np.prod(acted["shape"]))
        return cls(
            states=states,
            actions=actions,
            width=width,
            mean=mean,
            scale=scale,
            low=tuple(np.ravel(acted["low"]).tolist()) if width else (),
            high=tuple(np.ravel(acted["high"]).tolist()) if width else (),
        )

    @property
    def features(self) -> int:
        """Size of an observation's features."""
        return self.states or len(self.mean)

    @property
    def outputs(self) -> int:
        """Size of a policy's output: logits, or means and log deviations."""
        return self.actions or 2 * self.width

    @property
    def action_features(self) -> int:
        """Size of an action's features."""
        return self.actions or self.width

    def observed(self, observations: Any) -> Tensor:
        """Return features (..., F) of observations: one-hot, or standardised."""
        if self.states:
            index = torch.as_tensor(np.asarray(observations, np.int64))
            return nn.functional.one_hot(index, self.states).float()
        flat = np.asarray(observations, np.float64)
        flat = flat.reshape(*flat.shape[: flat.ndim - 1], -1)
        return torch.from_numpy(((flat - self.mean) / self.scale).astype(np.float32))

    def acted(self, actions: Any) -> Tensor:
        """Return features (..., A) of actions; those that are not there (-1) are zeros."""
        if self.actions:
            index = torch.as_tensor(np.asarray(actions, np.int64))
            known = index >= 0
            one_hot = nn.functional.one_hot(index.clamp(min=0), self.actions).float()
            return one_hot * known[..., None]
        return torch.nan_to_num(torch.from_numpy(np.asarray(actions, np.float32)))

    def clipped(self, actions: np.ndarray) -> np.ndarray:
        """Return continuous actions inside their bounds, float32."""
        return np.clip(actions, self.low, self.high).astype(np.float32)


def there(demonstrations: Mapping[str, Any]) -> np.ndarray:
    """Return (E, T): whether an episode has this step."""
    steps = demonstrations["actions"].shape[1]
    return np.arange(steps) < np.asarray(demonstrations["lengths"])[:, None]


def mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Return a perceptron with tanh between its layers."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def log_likelihood(output: Tensor, actions: Tensor, space: Space) -> Tensor:
    """Return log π(a) of actions (..., A) as features, under a policy's output: (...)."""
    if space.actions:
        return (output.log_softmax(-1) * actions).sum(-1)
    mean, deviation = output.chunk(2, -1)
    log_scale = deviation.clamp(-4, 2)
    z = (actions - mean) * torch.exp(-log_scale)
    return -(0.5 * z**2 + log_scale + 0.5 * np.log(2 * np.pi)).sum(-1)


def probabilities(logits: Tensor) -> np.ndarray:
    """Return float64 probabilities that sum to one."""
    exact = logits.double().softmax(-1).numpy()
    return exact / exact.sum(axis=-1, keepdims=True)


def batches(count: int, size: int, rng: np.random.Generator, most: int) -> Iterator[np.ndarray]:
    """Yield at most ``most`` index batches, shuffled anew in each pass over ``count`` things."""
    size = min(size, count)
    left = most
    while left > 0:
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            if left == 0:
                return
            left -= 1
            yield order[start : start + size]


def check_loss(loss: Tensor) -> None:
    """Stop training that left the finite numbers.

    Raises:
        Diverged: the loss is not finite.
    """
    if not torch.isfinite(loss):
        raise Diverged(f"the training loss is {loss.item()}")


def pack(about: Mapping[str, Any], *modules: nn.Module) -> bytes:
    """Write plain data and the weights of modules as .npz: equal weights, equal bytes."""
    arrays = {"about": np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)}
    for number, module in enumerate(modules):
        for name, value in module.state_dict().items():
            arrays[f"{number}.{name}"] = value.numpy()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(sorted(arrays.items())))
    return buffer.getvalue()


def unpack(checkpoint: bytes) -> tuple[dict[str, Any], list[dict[str, Tensor]]]:
    """Read what :func:`pack` wrote: the plain data and one state dict for each module."""
    with np.load(io.BytesIO(checkpoint), allow_pickle=False) as found:
        about: dict[str, Any] = json.loads(found["about"].tobytes())
        states: dict[int, dict[str, Tensor]] = {}
        for name in found.files:
            number, _, rest = name.partition(".")
            if rest:
                states.setdefault(int(number), {})[rest] = torch.from_numpy(found[name])
    return about, [states[n] for n in sorted(states)]
