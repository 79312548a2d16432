"""A network that sweeps planes through the space before the target's camera.

Planes at several depths stand before the target. Each of their points falls somewhere in each
known view (Collins, "A space-sweep approach to true multi-image matching", CVPR 1996), and what
the views show there is pooled by attention over them, a set of any size: multi-view conditioning
as in VaLID (Li et al., arXiv 2312.08892), here at every point. A decoder says which plane a pixel
sees, or invents a colour where no view shows one. It is a regression: of what is hidden it gives
the mean of what could be. That is blurred, and the best there is by PSNR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness import note
from harness.cost import Component
from harness_plugins.generative.interface import Diverged
from harness_plugins.generative.views.cameras import Floats, project, rays, turns
from harness_plugins.generative.views.scenes import KNOWN
from harness_plugins.generative_views.networks import PlaneSweep

__all__ = ["Learned"]

Array = NDArray[np.uint8]
_BATCH = 4
_RATE = 2.5e-3


class Learned:
    """The plane sweep, learned from a dataset's training objects.

    Args:
        planes: depths at which points are looked at.
        width: features of a view.
        channels: features of a plane's point.
        decoder: channels of the decoder at full size.
        reach: half the range of depths, around the distance of the world's origin.
    """

    def __init__(self, planes: int, width: int, channels: int, decoder: int, reach: float) -> None:
        self._planes, self._reach = planes, reach
        self._sizes = {
            "planes": planes,
            "width": width,
            "channels": channels,
            "decoder": decoder,
        }

    def fit(self, data: Mapping[str, Any], seed: int, budget: int) -> bytes:
        """Learn to give a training object's further views from its first one to four.

        An example is a picture that is rendered; the loss is its mean squared error.

        Raises:
            Diverged: the loss is no longer finite.
        """
        from safetensors.torch import save

        torch.set_num_threads(1)  # sums in another order would be another checkpoint
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        network = PlaneSweep(**self._sizes)
        steps = max(2, budget // _BATCH)
        optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, _RATE, total_steps=steps, pct_start=0.05, cycle_momentum=False
        )
        images, poses = data["images"], data["poses"]
        for _ in range(steps):
            count = int(rng.integers(1, KNOWN + 1))
            chosen = rng.integers(len(images), size=_BATCH)
            targets = rng.integers(KNOWN, images.shape[1], size=_BATCH)
            known = poses[chosen, :count], poses[chosen, targets]
            made = network(
                _signed(images[chosen, :count]),
                *self._swept(*known, data["intrinsics"], images.shape[2:4]),
            )
            wanted = (_signed(images[chosen, targets]) + 1) / 2
            loss = nn.functional.mse_loss(made, wanted)
            if not torch.isfinite(loss):
                raise Diverged(f"the training loss is {loss.item()}")
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        note("examples", steps * _BATCH)
        return save(network.state_dict())

    def load(self, checkpoint: bytes) -> None:
        """Restore the network."""
        from safetensors.torch import load

        self._network = PlaneSweep(**self._sizes)
        self._network.load_state_dict(load(checkpoint))
        self._network.eval()

    @torch.no_grad()
    def render(
        self,
        views: Array,
        poses: Floats,
        intrinsics: Floats,
        target_poses: Floats,
        _seed: int,
        _point: Mapping[str, object],
    ) -> Array:
        """Return what the network makes of each pose, rounded to the nearest level."""
        made = self._network(*self._asked(views, poses, intrinsics, target_poses))
        levels = np.rint(made.permute(0, 2, 3, 1).numpy().astype(np.float64) * 255)
        return levels.clip(0, 255).astype(np.uint8)

    @torch.no_grad()
    def components(
        self, item: Mapping[str, Any], _point: Mapping[str, Any]
    ) -> Sequence[Component]:
        """Return the parts as one picture runs them; ``item`` has the arguments of ``render``."""
        views, places, angles = self._asked(**item)
        network = self._network
        features = network.encoder(views[0])[None]
        planes = network.attention(features, places, angles)
        return [
            Component(name="encoder", module=network.encoder, inputs=[views[0]], step="encode"),
            Component(
                name="attention",
                module=network.attention,
                inputs=[features, places, angles],
                step="attend",
            ),
            Component(name="decoder", module=network.decoder, inputs=list(planes), step="decode"),
        ]

    def _asked(
        self, views: Array, poses: Floats, intrinsics: Floats, target_poses: Floats
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the network's inputs for target poses of one object."""
        count = len(target_poses)
        known = np.broadcast_to(poses, (count, *poses.shape))
        shown = _signed(views)[None].expand(count, -1, -1, -1, -1)
        return shown, *self._swept(known, target_poses, intrinsics, views.shape[1:3])

    def _swept(
        self, poses: Floats, targets: Floats, intrinsics: Floats, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Return where the planes' points fall in the views, and how these stand to the target.

        Args:
            poses: (B, v, 4, 4).
            targets: (B, 4, 4).
            intrinsics: (3, 3).
            size: height and width.

        Returns:
            places (B, v, D, H·W, 2), −1…1 across a picture, and poses (B, v, 4).
        """
        step = (np.arange(self._planes) + 0.5) / self._planes * 2 - 1
        places, angles = [], []
        for known, target in zip(poses, targets, strict=True):
            depth = np.linalg.norm(target[:3, 3]) + self._reach * step
            ways = rays(target, intrinsics, size)[:, 0]
            points = target[:3, 3] + depth[:, None, None] * ways
            pixels = [project(points, pose, intrinsics)[0] for pose in known]
            places.append(np.array(pixels) / (size[1], size[0]) * 2 - 1)
            forward = known[:, :3, 2] @ target[:3, :3]
            angles.append(np.column_stack([forward, turns(known, target)]))
        return _floats(np.array(places)), _floats(np.array(angles))


def _signed(images: Array) -> Tensor:
    """Return (..., 3, H, W) in −1…1 for uint8 (..., H, W, 3)."""
    return _floats(np.moveaxis(images, -1, -3) / 127.5 - 1)


def _floats(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
