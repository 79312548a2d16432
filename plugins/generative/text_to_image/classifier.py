"""A small classifier of a dataset's prompts, whose last hidden layer compares sets of images.

It stands for Inception where no weights can be had: trained within the run on the dataset's own
training images, from a fixed seed, on one thread, so that it is the same wherever sums are rounded
alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.trace import note
from harness_plugins.generative.images import Images

__all__ = ["features", "learn"]

_SEED, _STEPS, _BATCH, _RATE = 0, 500, 128, 2e-3
_WIDTH = 64
_LEAST = 0.1  # of the mean deviation: what a feature is scaled by at least
_AT_ONCE = 500


def learn(images: Images, prompts: Sequence[str]) -> bytes:
    """Train to tell the prompt of an image; return the network and the scale of its features.

    The features are standardised over the training images: as they are, distances between them
    have a scale that means nothing.
    """
    from safetensors.torch import save

    names, labels = np.unique(np.asarray(prompts), return_inverse=True)
    x, y = torch.from_numpy(images.floats(-1, 1)), torch.from_numpy(labels)
    generator = torch.Generator().manual_seed(_SEED)
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        net = _network(images.size[0], len(names))
        optimiser = torch.optim.AdamW(net.parameters(), _RATE)
        for _ in range(_STEPS):
            drawn = torch.randint(len(x), (_BATCH,), generator=generator)
            loss = nn.functional.cross_entropy(net(x[drawn]), y[drawn])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        found = torch.from_numpy(_hidden(net.eval(), images))
        right = float((_outputs(net, images).argmax(1) == labels).mean())
    note("classifier_accuracy_on_training", right)
    std = found.std(0)
    # a feature that is dead on real images must not count a thousandfold where it wakes
    scale = {"mean": found.mean(0), "std": std.clamp_min(_LEAST * float(std.mean()))}
    return save({**net.state_dict(), **scale})


def features(checkpoint: bytes, images: Images) -> NDArray[np.float32]:
    """Return the standardised features of images, (n, 64)."""
    net, mean, std = _loaded(checkpoint, images.size[0])
    with _one_thread():
        return (_hidden(net, images) - mean) / std


@lru_cache(maxsize=2)
def _loaded(checkpoint: bytes, side: int) -> tuple[nn.Sequential, Any, Any]:
    from safetensors.torch import load

    state = load(checkpoint)
    mean, std = (state.pop(name).numpy() for name in ("mean", "std"))
    net = _network(side, len(state["9.bias"]))
    net.load_state_dict(state)
    return net.eval(), mean, std


def _network(side: int, classes: int) -> nn.Sequential:
    """Return three convolutions and two linear layers; the features come before the last."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * (-(-side // 4)) ** 2, _WIDTH),
        nn.ReLU(),
        nn.Linear(_WIDTH, classes),
    )


def _hidden(net: nn.Sequential, images: Images) -> NDArray[np.float32]:
    return _through(net[:-1], images)


def _outputs(net: nn.Sequential, images: Images) -> NDArray[np.float32]:
    return _through(net, images)


@torch.no_grad()
def _through(net: nn.Module, images: Images) -> NDArray[np.float32]:
    x: Tensor = torch.from_numpy(images.floats(-1, 1))
    return torch.cat([net(part) for part in x.split(_AT_ONCE)]).numpy()


class _one_thread:  # noqa: N801 - used as a context, like its kin in contextlib
    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self.before)
