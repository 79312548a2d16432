"""What latent variable models see of observations: standardised vectors, or codes of images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.cost import Component
from harness_plugins.causal.interface import Diverged

__all__ = ["ImageCodes", "StandardVectors", "features_of", "learn_features"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

_CHANNELS = (16, 32, 64, 64)
_WIDTH = 128
_CODES = 8
_BATCH = 64
_RATE = 2e-3
_PIXEL_STD = 0.05  # of the decoder, where white is 1
_CHUNK = 256


class StandardVectors:
    """Vectors with mean 0 and standard deviation 1 in each dimension."""

    kind = "vectors"

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.mean, self.std = arrays["mean"], arrays["std"]

    @classmethod
    def learn(cls, pairs: np.ndarray) -> StandardVectors:
        """Return the features of training vectors (n, …, m)."""
        flat = pairs.reshape(-1, pairs.shape[-1]).astype(np.float64)
        std = flat.std(axis=0)
        return cls({"mean": flat.mean(axis=0), "std": np.where(std > 0, std, 1.0)})

    @property
    def size(self) -> int:
        """Numbers per observation."""
        return len(self.mean)

    @property
    def log_volume(self) -> float:
        """Log of the factor by which a density of features exceeds that of observations."""
        return float(np.log(self.std).sum())

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint keeps."""
        return {"mean": self.mean, "std": self.std}

    def components(self, _x: np.ndarray) -> list[Component]:
        """Return the networks of :meth:`encode`: none."""
        return []

    def encode(self, x: np.ndarray) -> Tensor:
        """Map (…, m) to float32 features (…, m)."""
        return torch.from_numpy(((x - self.mean) / self.std).astype(np.float32))

    def decode(self, features: Tensor) -> Floats:
        """Map features back to observations (…, m), float64."""
        return features.numpy().astype(np.float64) * self.std + self.mean


class ImageCodes:
    """Codes of a convolutional variational autoencoder, each with mean 0 and deviation 1.

    The autoencoder minimises Σ (x − x̂)² / 2σ² + KL with σ = 0.05, so that directions it does not
    need fall to the prior. It trains on a GPU where there is one.
    """

    kind = "images"
    log_volume = math.nan  # codes have no density over pixels

    def __init__(self, arrays: Mapping[str, np.ndarray], side: int) -> None:
        self.mean, self.std, self.picture = arrays["mean"], arrays["std"], arrays["picture"]
        self.side = side
        self.net = _Autoencoder(side)
        self.net.load_state_dict(
            {
                name[4:]: torch.tensor(values)
                for name, values in arrays.items()
                if name[:4] == "net."
            }
        )

    @classmethod
    def learn(cls, pairs: np.ndarray, seed: int, images: int) -> ImageCodes:
        """Train on images (n, halves, H, W, 3) uint8, drawn ``images`` times; 0 leaves it as is.

        Raises:
            Diverged: the loss is no longer finite.
        """
        flat = pairs.reshape(-1, *pairs.shape[-3:])
        side = _side(flat)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = _Autoencoder(side)
            picture = flat[:2000].mean(axis=0).astype(np.float32) / 255
            _train(net, flat, picture, seed, images)
        arrays = {f"net.{name}": values.numpy() for name, values in net.state_dict().items()}
        arrays |= {"picture": picture, "mean": np.zeros(_CODES), "std": np.ones(_CODES)}
        raw = cls(arrays, side)
        codes = raw.encode(flat[:10_000]).numpy().astype(np.float64)
        std = codes.std(axis=0)
        # directions that carry nothing stay as small as they are
        scale = {"mean": codes.mean(axis=0), "std": np.maximum(std, 0.1 * std.max() + 1e-9)}
        return cls(arrays | scale, side)

    @property
    def size(self) -> int:
        """Numbers per observation."""
        return _CODES

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint keeps."""
        kept = {f"net.{name}": values.numpy() for name, values in self.net.state_dict().items()}
        return kept | {"mean": self.mean, "std": self.std, "picture": self.picture}

    def components(self, x: np.ndarray) -> list[Component]:
        """Return the network of :meth:`encode`, for images (n, H, W, 3)."""
        given = _tensor(x, self.picture)
        return [Component(name="features", module=self.net.down, inputs=[given], step="encode")]

    @torch.no_grad()
    def encode(self, x: np.ndarray) -> Tensor:
        """Map uint8 images (…, H, W, 3) to float32 codes (…, p)."""
        flat = x.reshape(-1, *x.shape[-3:])
        found = [
            self.net.encode(_tensor(flat[at : at + _CHUNK], self.picture))[0]
            for at in range(0, len(flat), _CHUNK)
        ]
        codes = torch.cat(found).numpy()
        return torch.from_numpy(
            ((codes - self.mean) / self.std).astype(np.float32).reshape(*x.shape[:-3], _CODES)
        )

    @torch.no_grad()
    def decode(self, features: Tensor) -> Floats:
        """Map codes (n, p) back to images (n, H, W, 3), float64 in 0…255, not rounded."""
        codes = features * torch.from_numpy(self.std).float() + torch.from_numpy(self.mean).float()
        found = [
            self.net.decode(codes[at : at + _CHUNK]).permute(0, 2, 3, 1).numpy()
            for at in range(0, len(codes), _CHUNK)
        ]
        return 255 * (np.concatenate(found) + self.picture).astype(np.float64)


def learn_features(pairs: np.ndarray, seed: int, images: int) -> StandardVectors | ImageCodes:
    """Return features of training observations (n, halves, …), of images by training on them.

    Args:
        pairs: float32 vectors or uint8 images.
        seed: of the images' network.
        images: how many images its training may look at, repetitions counted.
    """
    if pairs.dtype == np.uint8:
        return ImageCodes.learn(pairs, seed, images)
    return StandardVectors.learn(pairs)


def features_of(
    config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> StandardVectors | ImageCodes:
    """Return the features that a checkpoint holds."""
    if config["kind"] == "images":
        return ImageCodes(arrays, config["side"])
    return StandardVectors(arrays)


class _Autoencoder(nn.Module):
    """Four strided convolutions, two dense layers, and the same backwards."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.grid = side // 16
        inner = _CHANNELS[-1] * self.grid**2
        down: list[nn.Module] = []
        for channels, out in zip((3, *_CHANNELS), _CHANNELS, strict=False):
            down += [nn.Conv2d(channels, out, 4, 2, 1), nn.ReLU()]
        self.down = nn.Sequential(
            *down, nn.Flatten(), nn.Linear(inner, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 2 * _CODES)
        )
        self.spread = nn.Sequential(
            nn.Linear(_CODES, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, inner), nn.ReLU()
        )
        back = (*_CHANNELS[::-1], 3)
        up: list[nn.Module] = [nn.ConvTranspose2d(back[0], back[1], 4, 2, 1)]
        for channels, out in pairwise(back[1:]):
            up += [nn.ReLU(), nn.ConvTranspose2d(channels, out, 4, 2, 1)]
        self.up = nn.Sequential(*up)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (n, 3, H, W) to means and standard deviations (n, p)."""
        mean, raw = self.down(x).chunk(2, dim=1)
        return mean, 1e-3 + nn.functional.softplus(raw - 2)

    def decode(self, codes: Tensor) -> Tensor:
        """Map (n, p) to (n, 3, H, W)."""
        inner = self.spread(codes)
        return self.up(inner.reshape(len(codes), _CHANNELS[-1], self.grid, self.grid))


def _train(
    net: _Autoencoder, images: np.ndarray, picture: np.ndarray, seed: int, count: int
) -> None:
    """Train in place on ``count`` images, repetitions counted."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net.to(device)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=_RATE)
    steps = count // _BATCH
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        drawn = torch.randint(len(images), (_BATCH,), generator=generator)
        x = _tensor(images[drawn.numpy()], picture).to(device)
        mean, std = net.encode(x)
        codes = mean + std * torch.randn(mean.shape, generator=generator).to(device)
        squares = ((x - net.decode(codes)) ** 2).flatten(1).sum(1)
        divergence = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum(1)
        loss = (squares / (2 * _PIXEL_STD**2) + divergence).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    net.to("cpu")
    if not all(torch.isfinite(values).all() for values in net.state_dict().values()):
        raise Diverged("the autoencoder's weights are no longer finite")


def _tensor(images: np.ndarray, picture: np.ndarray) -> Tensor:
    """Return uint8 images (n, H, W, 3) as (n, 3, H, W), white 1, less the mean picture."""
    values = images.astype(np.float32) / 255 - picture
    return (
        torch.from_numpy(values).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    )


def _side(images: np.ndarray) -> int:
    _, height, width, channels = images.shape
    if height != width or height % 16 or channels != 3:
        raise WrongFormError(
            f"images of {height} x {width} x {channels}; expected square ones, sides a multiple "
            "of 16, 3 channels"
        )
    return int(height)


class WrongFormError(ValueError):
    """Observations of a form that the networks do not take."""

    outcome = "invalid"
