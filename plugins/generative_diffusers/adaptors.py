"""Learned adaptors of Clockwork: what the low-resolution part would give, guessed from before.

Trained as in the paper (Habibian et al., arXiv:2312.08128v2, section 4.3): on the model's own
trajectories, each step's features from those of the step before, by the mean squared error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness_plugins.generative.interface import Diverged
from harness_plugins.generative_diffusers.clockwork import HighResolution, ResNetAdaptor
from harness_plugins.generative_diffusers.sampling import Denoising, one_thread

__all__ = ["learn", "load"]

_POINT = {"steps": 20, "guidance": 1.0, "scheduler": "dpm++"}
_TRAJECTORIES = 0.01  # for each image of the budget of the model itself
_STEPS, _BATCH, _RATE, _WIDTH, _GROUPS = 400, 128, 2e-3, 32, 8


def learn(model: Denoising, prompts: Sequence[str], seed: int, budget: int, cut: int) -> bytes:
    """Train an adaptor on trajectories of the model; return it with its sizes.

    Raises:
        Diverged: the loss is no longer finite.
    """
    from safetensors.torch import save

    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        seen = _Seen(model.unet, cut)
        batches = max(1, round(budget * _TRAJECTORIES / model.batch))
        rng = np.random.default_rng([seed, budget])
        for _ in range(batches):
            drawn = [prompts[i] for i in rng.integers(len(prompts), size=model.batch)]
            seeds = [int(value) for value in rng.integers(2**32, size=model.batch)]
            seen.begin(model.pooled(drawn, _POINT))
            model.sample(seen, drawn, seeds, _POINT)
        r_in, before, after, time, text = seen.pairs()
        sizes = {
            "r_in": r_in.shape[1],
            "r_out": before.shape[1],
            "time": time.shape[1],
            "text": text.shape[1],
            "width": _WIDTH,
            "groups": _GROUPS,
        }
        adaptor = ResNetAdaptor(**sizes)
        _train(adaptor, (r_in, before, time, text), after, seed)
    return save(adaptor.state_dict(), {"sizes": json.dumps(sizes)})


def load(checkpoint: bytes) -> nn.Module:
    """Return the adaptor of a checkpoint."""
    from safetensors.torch import load as read

    length = int.from_bytes(checkpoint[:8], "little")
    sizes = json.loads(json.loads(checkpoint[8 : 8 + length])["__metadata__"]["sizes"])
    adaptor = ResNetAdaptor(**sizes)
    adaptor.load_state_dict(read(checkpoint))
    return adaptor.eval().requires_grad_(requires_grad=False)


def _train(adaptor: nn.Module, given: Sequence[Tensor], after: Tensor, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(adaptor.parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
    for step in range(_STEPS):
        drawn = torch.randint(len(after), (_BATCH,), generator=generator)
        found = adaptor(*(values[drawn] for values in given))
        loss = nn.functional.mse_loss(found, after[drawn])
        if not torch.isfinite(loss):
            raise Diverged(f"the loss of the adaptor is {loss.item()} at step {step}")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


class _Seen(nn.Module):
    """A UNet that remembers what passes its seam at every step of a trajectory."""

    def __init__(self, unet: Any, cut: int) -> None:
        super().__init__()
        self.unet = unet
        self._high = HighResolution(unet, cut=cut)
        self._outer = unet.down_blocks[cut - 1]
        self._steps: list[tuple[Tensor, Tensor, Tensor]] = []
        self._found: list[tuple[Tensor, ...]] = []

    def begin(self, text: Tensor) -> None:
        """Begin a trajectory of a batch, with the text of each image."""
        self._text, self._steps = text, []

    def forward(self, *given: Any, **conditions: Any) -> Any:
        """Run the UNet, and pair this step with the one before."""
        now: dict[str, Tensor] = {}

        def outer(_m: nn.Module, _a: Any, named: dict[str, Any], out: Any) -> None:
            now["r_in"], now["time"] = out[1][-1].detach(), named["temb"].detach()

        def seam(_m: nn.Module, args: tuple[Any, ...]) -> None:
            now["r_out"] = args[0].detach()

        handles = [
            self._outer.register_forward_hook(outer, with_kwargs=True),
            self._high.seam.register_forward_pre_hook(seam),
        ]
        try:
            made = self.unet(*given, **conditions)
        finally:
            for handle in handles:
                handle.remove()
        if self._steps:
            before = self._steps[-1][1]
            self._found.append((now["r_in"], before, now["r_out"], now["time"], self._text))
        self._steps = [(now["r_in"], now["r_out"], now["time"])]
        return made

    def pairs(self) -> list[Tensor]:
        """Return r_in, r_out of the step before, r_out, time and text, of all later steps."""
        return [torch.cat(values) for values in zip(*self._found, strict=True)]
