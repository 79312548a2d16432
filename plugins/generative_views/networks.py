"""The parts of the plane sweep: an encoder of views, attention over them, a decoder.

B targets, v views of each, D planes, pictures of H × W.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Decoder", "Encoder", "PlaneSweep", "ViewAttention"]

_POSE = 4  # numbers that say where a view stands: see ViewAttention


class Encoder(nn.Module):
    """Features of each view on its own, beside its colours."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 2 * width
        self.layers = nn.Sequential(
            nn.Conv2d(3, hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=2, dilation=2),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=4, dilation=4),
            nn.ReLU(),
            nn.Conv2d(hidden, width, 1),
        )

    def forward(self, views: Tensor) -> Tensor:
        """Return (n, width + 3, H, W) for views (n, 3, H, W) in −1…1; the last 3 are the views."""
        return torch.cat([self.layers(views), views], dim=1)


class ViewAttention(nn.Module):
    """What all views show at the points of planes before the target: a set, of any size.

    Every view is a token at every point: its features there, and an embedding of its pose. The
    tokens of a point are weighed by attention: neither their number nor their order is built in.
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.pose = nn.Linear(_POSE, width)
        self.inside = nn.Parameter(torch.zeros(width, 1, 1))
        self.score = nn.Parameter(torch.randn(1, width) / width**0.5)
        pooled = 2 * width + 6
        self.mix = nn.Parameter(torch.randn(channels, pooled) / pooled**0.5)

    def forward(self, features: Tensor, places: Tensor, poses: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, channels·D, H, W) and colours (B, 3, D, H, W) of the planes.

        Args:
            features: (B, v, width + 3, H, W), of the encoder.
            places: (B, v, D, H·W, 2): where the planes' points fall in each view, −1…1.
            poses: (B, v, 4): the view's forward axis in the target's camera, and the angle
                between the two cameras.
        """
        batch, count, _, height, width = features.shape
        seen = functional.grid_sample(
            features.flatten(0, 1),
            places.flatten(0, 1),
            padding_mode="border",
            align_corners=False,
        ).unflatten(0, (batch, count))  # (B, v, width + 3, D, H·W)
        token, colour = seen[:, :, :-3], seen[:, :, -3:]
        inside = (places.abs() < 1).all(dim=-1)[:, :, None].to(token.dtype)
        token = token + self.pose(poses)[..., None, None] + self.inside * inside
        token, colour = functional.relu(token).flatten(3), colour.flatten(3)
        weight = torch.softmax(self.score @ token, dim=1)
        chosen = (weight * colour).sum(dim=1)
        spread = (colour * colour).mean(dim=1) - colour.mean(dim=1) ** 2
        pooled = torch.cat([(weight * token).sum(dim=1), token.amax(dim=1), chosen, spread], dim=1)
        planes = functional.relu(self.mix @ pooled)
        depth = places.shape[2]
        planes = planes.unflatten(2, (depth, height, width)).flatten(1, 2)
        return planes, (chosen.unflatten(2, (depth, height, width)) + 1) / 2


class Decoder(nn.Module):
    """Chooses, for each pixel of the target, between the planes, white, and a colour of its own.

    The choice is soft: weights that sum to 1. The colour of its own is for what no view shows.
    """

    def __init__(self, channels: int, planes: int, width: int) -> None:
        super().__init__()
        self._planes = planes
        self.at_full = _block(channels * planes, width, kernel=1)
        self.at_half = _block(width, 2 * width, stride=2)
        self.at_quarter = _block(2 * width, 2 * width, stride=2)
        self.deeper = _block(2 * width, 2 * width)
        self.to_half = _block(4 * width, width)
        self.to_full = _block(2 * width, width)
        self.out = nn.Conv2d(width, planes + 2 + 3, 1)

    def forward(self, planes: Tensor, colours: Tensor) -> Tensor:
        """Return pictures (B, 3, H, W) in 0…1; the arguments are what the attention returns."""
        whole = self.at_full(planes)
        half = self.at_half(whole)
        quarter = self.at_quarter(half)
        quarter = quarter + self.deeper(quarter)
        half = self.to_half(torch.cat([_grown(quarter, half), half], dim=1))
        whole = self.to_full(torch.cat([_grown(half, whole), whole], dim=1))
        found = self.out(whole)
        count = self._planes
        weight = torch.softmax(found[:, : count + 2], dim=1)[:, None]
        own = torch.sigmoid(found[:, count + 2 :])
        shown = (weight[:, :, :count] * colours).sum(dim=2)
        return shown + weight[:, :, count] + weight[:, :, count + 1] * own


class PlaneSweep(nn.Module):
    """All three."""

    def __init__(self, planes: int, width: int, channels: int, decoder: int) -> None:
        super().__init__()
        self.encoder = Encoder(width)
        self.attention = ViewAttention(width, channels)
        self.decoder = Decoder(channels, planes, decoder)

    def forward(self, views: Tensor, places: Tensor, poses: Tensor) -> Tensor:
        """Return pictures (B, 3, H, W) in 0…1 of views (B, v, 3, H, W) in −1…1."""
        features = self.encoder(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        found: Tensor = self.decoder(*self.attention(features, places, poses))
        return found


def _block(into: int, out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(into, out, kernel, padding=kernel // 2, stride=stride)
    return nn.Sequential(conv, nn.GroupNorm(4, out), nn.ReLU())


def _grown(small: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(small, size=like.shape[-2:])
