"""A small detector: class and box from each cell of a grid, trained in seconds.

One stage and no anchors: the cell in which the centre of an object lies tells its class and the
distances to the four sides of its box (Tian et al., FCOS, ICCV 2019, with the one positive cell of
Zhou et al., Objects as points, 2019); the other cells tell that they are background.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness_plugins.generative.downstream.precision import iou
from harness_plugins.generative.downstream.scenes import Scenes
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Diverged

__all__ = ["detect", "train"]

_STRIDE, _WIDTHS = 4, (16, 32, 32, 32)
_BATCH, _RATE, _DECAY = 32, 1e-2, 1e-4
_REACH = 8.0  # pixels from a cell's centre to a side that count as 1
_SCORE, _OVERLAP = 0.02, 0.5  # least score of a detection; IoU at which the weaker one goes
_AT_ONCE = 100


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch sum in one order, whatever the number of processors."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@_one_thread()
def train(draw: Callable[[int], Scenes], classes: int, steps: int, seed: int) -> bytes:
    """Train on scenes and return the network.

    Args:
        draw: gives so many new scenes.
        classes: labels are 0 … classes - 1.
        steps: of training, 32 scenes each.
        seed: of the first weights.

    Raises:
        Diverged: the loss is no longer finite.
    """
    from safetensors.torch import save

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _network(classes)
    optimiser = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=_DECAY)
    for step in range(steps):
        ramp = min(1.0, (step + 1) / 20)
        optimiser.param_groups[0]["lr"] = _RATE * ramp * (1 + math.cos(math.pi * step / steps)) / 2
        scenes = draw(_BATCH)
        loss = _loss(net(_pixels(scenes.images)), scenes, classes)
        if not torch.isfinite(loss):
            raise Diverged(f"the loss of the detector is {loss.item()} at step {step}")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return save(net.state_dict())


@_one_thread()
@torch.no_grad()
def detect(checkpoint: bytes, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Return what a detector finds in scenes (n, H, W, 3).

    Returns:
        ``place`` (k,) the number of the scene, ``boxes`` float32 (k, 4), ``labels`` (k,) and
        ``scores`` float32 (k,), by scene and falling score.
    """
    from safetensors.torch import load

    state = load(checkpoint)
    classes = state[f"{_HEAD}.bias"].numel() - 5
    net = _network(classes)
    net.load_state_dict(state)
    net.eval()
    found = []
    for start in range(0, len(images), _AT_ONCE):
        out = net(_pixels(images[start : start + _AT_ONCE]))
        scores = out[..., : classes + 1].softmax(-1)[..., :classes].numpy()
        for number, (score, box) in enumerate(
            zip(scores, _boxes(out).numpy(), strict=True), start
        ):
            cell, label = np.nonzero(score > _SCORE)
            kept = _strongest(box[cell], label, score[cell, label])
            cell, label = cell[kept], label[kept]
            found.append((np.full(len(kept), number), box[cell], label, score[cell, label]))
    names = ("place", "boxes", "labels", "scores")
    return {n: np.concatenate(v) for n, v in zip(names, zip(*found, strict=True), strict=True)}


def _strongest(boxes: NDArray[Any], labels: NDArray[Any], scores: NDArray[Any]) -> list[int]:
    """Return which detections stay, strongest first: those that overlap no stronger one alike."""
    kept: list[int] = []
    for number in np.argsort(-scores, kind="stable"):
        alike = [k for k in kept if labels[k] == labels[number]]
        if not (iou(boxes[number], boxes[alike]) > _OVERLAP).any():
            kept.append(int(number))
    return kept


def _network(classes: int) -> nn.Sequential:
    """Return a network from (n, 3, H, W) to (n, cells, classes + background + 4)."""
    layers: list[nn.Module] = []
    before = 3
    for number, width in enumerate(_WIDTHS):
        stride = 2 if number < 2 else 1
        layers += [
            nn.Conv2d(before, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        before = width
    return nn.Sequential(*layers, nn.Conv2d(before, classes + 5, 1), nn.Flatten(2), _Last())


_HEAD = 3 * len(_WIDTHS)


class _Last(nn.Module):
    """Moves channels to the end."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


def _pixels(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(Images.of(images, "scenes").floats(-1, 1))


def _centres(cells: int) -> Tensor:
    """Return the centres of the cells of a square grid in pixels, (cells, 2) as x and y."""
    side = math.isqrt(cells)
    at = (torch.arange(side) + 0.5) * _STRIDE
    y, x = torch.meshgrid(at, at, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


def _boxes(out: Tensor) -> Tensor:
    """Return the boxes (n, cells, 4) of the network's last four channels."""
    reach, centre = out[..., -4:] * _REACH, _centres(out.shape[1])
    return torch.cat([centre - reach[..., :2], centre + reach[..., 2:]], -1)


def _loss(out: Tensor, scenes: Scenes, classes: int) -> Tensor:
    place, boxes = torch.from_numpy(scenes.place), torch.from_numpy(scenes.boxes).float()
    side = math.isqrt(out.shape[1])
    cell = ((boxes[:, :2] + boxes[:, 2:]) / 2 / _STRIDE).long().clamp(0, side - 1)
    at = cell[:, 1] * side + cell[:, 0]
    wanted = torch.full(out.shape[:2], classes)
    wanted[place, at] = torch.from_numpy(scenes.labels)
    told = nn.functional.cross_entropy(
        out[..., : classes + 1].flatten(0, 1), wanted.flatten(), reduction="sum"
    )
    apart = (_boxes(out)[place, at] - boxes) / _REACH
    return (told + apart.abs().sum()) / max(1, len(place))
