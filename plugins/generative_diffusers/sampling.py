"""What samplers share: schedulers by name, noise from seeds, batches, trajectories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from harness.errors import nearest
from harness_plugins.generative.interface import Array, Diverged, Point

__all__ = [
    "SCHEDULERS",
    "Denoising",
    "Step",
    "batches",
    "finite",
    "guided",
    "noise",
    "one_thread",
    "sampled",
    "scheduler",
    "steps_of",
]

# By their defaults three schedulers begin the later the fewer the steps, though with pure noise
# (Lin et al., Common diffusion noise schedules and sample steps are flawed, WACV 2024, section
# 3.3); and PNDM begins with twelve passes of Runge and Kutta, whatever is asked.
_TRAILING: Mapping[str, Any] = {"timestep_spacing": "trailing"}
# name in an operating point → class of diffusers, keywords
SCHEDULERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ddim": ("DDIMScheduler", _TRAILING),
    "ddpm": ("DDPMScheduler", _TRAILING),
    "dpm++": ("DPMSolverMultistepScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "pndm": ("PNDMScheduler", {**_TRAILING, "skip_prk_steps": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
}


class one_thread:  # noqa: N801 - used as a context, like its kin in contextlib
    """Compute on one thread: sums are rounded the same way, and small networks run no slower."""

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self.before)


class Step(nn.Module):
    """One step of a UNet, or of what stands in its place, by positional arguments alone.

    Args:
        unet: called as ``unet(x, time, text, *more, **conditions(text))``.
        conditions: what it takes besides.
    """

    def __init__(self, unet: nn.Module, conditions: Callable[[Tensor], Mapping[str, Any]]) -> None:
        super().__init__()
        self.unet, self.conditions = unet, conditions

    def forward(self, x: Tensor, time: Tensor, text: Tensor, *more: Tensor) -> Tensor:
        """Return the prediction for x (n, c, h, w), times () or (n,), text (n, tokens, d)."""
        made = self.unet(x, time, text, *more, **self.conditions(text))
        found: Tensor = made[0] if isinstance(made, tuple) else made.sample
        return found


class Denoising(Protocol):
    """A model that samples by calling one network again and again.

    What accelerates it puts another network in the place of ``unet``, within its calls only.
    """

    batch: int

    @property
    def unet(self) -> nn.Module:
        """The denoising network."""
        ...

    def step(self, unet: nn.Module) -> Step:
        """Return a step of ``unet``."""
        ...

    def sample(
        self, unet: nn.Module, prompts: Sequence[str], seeds: Sequence[int], point: Point
    ) -> Array:
        """Return uint8 (n, H, W, 3) of one batch, made in one trajectory by ``unet``."""
        ...

    def pooled(self, prompts: Sequence[str], point: Point) -> Tensor:
        """Return the text of a batch as one vector for each image that the network sees."""
        ...

    def step_inputs(self, item: Any, point: Point) -> list[Any]:
        """Return what a step gives to the network for the first prompt of an item."""
        ...


def guided(step: Step, x: Tensor, time: Tensor, text: Tensor, guidance: float) -> Tensor:
    """Return the prediction for x (n, …), by one batch of both halves of the text if guided.

    Args:
        step: of the network.
        x, time: of the step.
        text: (n, …), or (2 n, …): first without words, then with them, where guidance is not 1.
        guidance: weight of the words (Ho and Salimans, 2022).
    """
    if guidance == 1:
        found: Tensor = step(x, time, text)
        return found
    without, with_words = step(torch.cat([x, x]), time, text).chunk(2)
    return without + guidance * (with_words - without)


def scheduler(name: str, config: Mapping[str, Any]) -> Any:
    """Return a scheduler of diffusers.

    Args:
        name: one of ``SCHEDULERS``.
        config: its keywords, which win over those here: a pretrained model keeps what it was
            published with. Those that a scheduler does not know are left out.

    Raises:
        ValueError: there is no such scheduler; the nearest name.
    """
    import diffusers

    if name not in SCHEDULERS:
        hint = nearest(name, SCHEDULERS) or f"; known are {', '.join(SCHEDULERS)}"
        raise ValueError(f"unknown scheduler {name!r}{hint}")
    found, keywords = SCHEDULERS[name]
    return getattr(diffusers, found).from_config({**keywords, **config})


def steps_of(point: Point) -> int:
    """Return the number of steps of an operating point.

    Raises:
        ValueError: it is no whole number from 1 on.
    """
    steps = point["steps"]
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be a whole number from 1 on, got {steps!r}")
    return steps


def noise(shape: Sequence[int], seeds: Sequence[int]) -> tuple[Tensor, list[torch.Generator]]:
    """Return normal noise (n, *shape), each row from its own seed, and the generators after it."""
    generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
    rows = [torch.randn(tuple(shape), generator=generator) for generator in generators]
    return torch.stack(rows), generators


def batches(
    prompts: Sequence[str], seeds: Sequence[int], size: int
) -> Iterator[tuple[list[str], list[int], int]]:
    """Yield prompts and seeds, ``size`` of them each time, and how many of those count.

    The last batch is filled up with its last pair, so that all run through the same kernels: a
    product of another size may round another way, and samples must not depend on their company.
    """
    for start in range(0, len(prompts), size):
        part, own = list(prompts[start : start + size]), list(seeds[start : start + size])
        lacking = size - len(part)
        yield part + part[-1:] * lacking, own + own[-1:] * lacking, len(part)


def sampled(
    model: Denoising,
    prompts: Sequence[str],
    seeds: Sequence[int],
    point: Point,
    unet: nn.Module | None = None,
    trajectory: Callable[[Sequence[str]], AbstractContextManager[None]] | None = None,
) -> Array:
    """Sample all prompts, batch by batch.

    Args:
        model: whose sampler runs.
        prompts, seeds: as many of each.
        point: the operating point.
        unet: what runs in the place of the model's own.
        trajectory: entered for each batch, with its prompts: what keeps state is reset by it.
    """
    made = []
    for part, own, count in batches(prompts, seeds, model.batch):
        with nullcontext() if trajectory is None else trajectory(part):
            made.append(model.sample(unet or model.unet, part, own, point)[:count])
    return np.concatenate(made)


def finite(x: Tensor, what: str) -> Tensor:
    """Return a tensor whose numbers are all finite.

    Raises:
        Diverged: one is not.
    """
    if not bool(torch.isfinite(x).all()):
        raise Diverged(f"{what} are not finite")
    return x
