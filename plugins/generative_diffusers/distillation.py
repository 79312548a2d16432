"""Guidance distillation: a student whose one pass gives what two passes of the teacher give.

Meng et al., *On distillation of guided diffusion models*, CVPR 2023, its first stage, at the one
guidance of the operating point: the student begins as the teacher and learns the guided prediction
on noised training images.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from harness.cost import Component, NotMeasuredError
from harness.spec import Json
from harness_plugins.generative.interface import Array, Diverged, Point
from harness_plugins.generative_diffusers.sampling import guided, one_thread, sampled

__all__ = ["GuidanceDistilled", "guidance_distilled"]

_RATE = 5e-4


def guidance_distilled(
    model: Any, _items: Any, guidance: float, share: float
) -> GuidanceDistilled:
    """Return a model that learns to guide itself.

    Raises:
        NotMeasuredError: the model has no training images to distil on.
        ValueError: the guidance is 1, which needs one pass already.
    """
    if guidance == 1:
        raise ValueError("at guidance 1 the student is the model itself")
    if not hasattr(model, "noised"):
        raise NotMeasuredError("the model has no training images to distil on")
    return GuidanceDistilled(model, guidance, share)


class GuidanceDistilled:
    """A model whose UNet is a student that was distilled at one guidance.

    Args:
        model: the teacher.
        guidance: that the student has learned; an operating point may ask for no other.
        share: images that the student sees, of those of the model's own training.
    """

    def __init__(self, model: Any, guidance: float, share: float) -> None:
        self.model, self.guidance, self.share = model, guidance, share
        self.student: nn.Module | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["model"], name)

    def adapt(self, data: Mapping[str, Any], seed: int, budget: int) -> bytes:
        """Distil the student from the model as it is now.

        Raises:
            Diverged: the loss is no longer finite.
        """
        from safetensors.torch import save

        steps = max(1, round(self.share * budget / self.model.batch))
        with one_thread():
            student = self._distilled(data, seed, steps)
        return save({name: value.contiguous() for name, value in student.state_dict().items()})

    def load_adapted(self, checkpoint: bytes) -> None:
        """Take the student of a checkpoint."""
        from safetensors.torch import load

        self.student = copy.deepcopy(self.model.unet)
        self.student.load_state_dict(load(checkpoint))

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], point: Point) -> Array:
        """Sample through the student, one pass a step.

        Raises:
            RuntimeError: there is none yet.
            ValueError: the point asks for another guidance than the student's.
        """
        if self.student is None:
            raise RuntimeError("the student has not been distilled: load what adapt() gave")
        return sampled(self.model, prompts, seeds, self._alone(point), self.student)

    def settings(self, point: Point) -> dict[str, Json]:
        """Return how samples are made."""
        return {**self.model.settings(point), "distilled_guidance": self.guidance}

    def identity(self) -> tuple[Any, Any]:
        """Return the teacher without guidance, and a student that has learned nothing."""
        untaught = GuidanceDistilled(self.model, self.guidance, self.share)
        untaught.student = copy.deepcopy(self.model.unet)
        return _Unguided(self.model), untaught

    def components(self, item: Any, point: Point) -> list[Component]:
        """Return the student, as the steps of one image call it."""
        [part] = self.model.components(item, self._alone(point))
        student = self.student or self.model.unet
        return [
            Component(
                name="student",
                module=self.model.step(student),
                inputs=part.inputs,
                step=part.step,
                calls=part.calls,
            )
        ]

    def _alone(self, point: Point) -> Point:
        """Return the point without guidance, which the student has in itself."""
        if point["guidance"] != self.guidance:
            raise ValueError(
                f"the student is distilled at guidance {self.guidance}, "
                f"the operating point asks for {point['guidance']}"
            )
        return {**point, "guidance": 1.0}

    def _distilled(self, data: Mapping[str, Any], seed: int, steps: int) -> nn.Module:
        draw = self.model.noised(data, seed)
        teacher = self.model.step(self.model.unet)
        student = copy.deepcopy(self.model.unet).requires_grad_(requires_grad=True)
        step_of = self.model.step(student)
        optimiser = torch.optim.AdamW(student.parameters(), _RATE, weight_decay=0.0)
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = _RATE * (1 + math.cos(math.pi * step / steps)) / 2
            x, time, text = draw()
            with torch.no_grad():
                target = guided(teacher, x, time.repeat(2), text, self.guidance)
            found = step_of(x, time, text[len(x) :])
            loss = nn.functional.mse_loss(found, target)
            if not torch.isfinite(loss):
                raise Diverged(f"the loss of the student is {loss.item()} at step {step}")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return student.eval().requires_grad_(requires_grad=False)


class _Unguided:
    """A model at guidance 1, whatever is asked."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], point: Point) -> Array:
        found: Array = self.model.generate(prompts, seeds, {**point, "guidance": 1.0})
        return found
