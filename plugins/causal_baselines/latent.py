"""Latent variable models of pairs before and after an intervention (Brehmer et al. 2022).

x = g(e) + decoder noise, with noise encodings e ~ N(0, I); causal variables z_i =
scale_i(·) e_i + shift_i(·). An intervention on I keeps all noises but e_I, which is such that
z_I ~ N(0, 1) whatever its causes were; one on nothing keeps all. A pair has each of the k + 1
interventions with equal probability. With independent mechanisms, z = e, this is a
disentanglement VAE on pairs; on the x alone it is a β-VAE.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from harness_plugins.causal_baselines.mechanisms import make
from harness_plugins.causal_baselines.networks import Gaussian, Perceptrons

__all__ = ["LatentModel", "Shape"]

_LOG_2_PI = math.log(2 * math.pi)
_ENCODER_FLOOR = 1e-2
_POSTERIOR = (-3.0, 15.0, 15.0)  # α, β, γ to begin with


class Shape(NamedTuple):
    """What a model is made of.

    Attributes:
        observed: numbers per observation, m.
        latents: k.
        mechanisms: ``implicit``, ``explicit`` or ``independent``.
        hidden: width of the two hidden layers of every network.
        decoder_std: standard deviation of the decoder's noise.
    """

    observed: int
    latents: int
    mechanisms: str
    hidden: int
    decoder_std: float


class _Sample(NamedTuple):
    """Noise encodings of a pair under one intervention, and what they weigh.

    Attributes:
        before, after: (runs, T, n, k) for T interventions.
        log_weight: (runs, T, n) log p(e, ẽ | I) − log q(e, ẽ | x, x̃, I).
    """

    before: Tensor
    after: Tensor
    log_weight: Tensor


class LatentModel(nn.Module):
    """Models of one shape, trained side by side from different starts.

    Args:
        runs: how many; the first axis R of every tensor.
        shape: what each is made of.
        generator: source of the initial weights.
    """

    def __init__(self, runs: int, shape: Shape, generator: torch.Generator) -> None:
        super().__init__()
        m, k, h = shape.observed, shape.latents, shape.hidden
        self.shape = shape
        self.encoder = Gaussian(runs, (m, h, h, k), _ENCODER_FLOOR, generator)
        self.decoder = Perceptrons((runs,), (k, h, h, m), generator)
        self.mechanisms = make(shape.mechanisms, runs, k, h, generator)
        self.change = nn.Parameter(torch.tensor(_POSTERIOR).repeat(runs, 1))

    def log_targets(self, mean: Tensor, mean_after: Tensor) -> Tensor:
        """Return log q(I | x, x̃), (R, n, k + 1), of encodings (R, n, k); column 0 is nothing.

        q(I) ∝ exp(α + β |Δ_I| + γ Δ_I²), and 1 for nothing: the heuristic of section 4.
        """
        moved = (mean_after - mean).abs()
        alpha, beta, gamma = (self.change[:, i, None, None] for i in range(3))
        scores = alpha + beta * moved + gamma * moved**2
        none = torch.zeros_like(scores[..., :1])
        return torch.log_softmax(torch.cat([none, scores], dim=-1), dim=-1)

    def log_likelihood(self, x: Tensor, e: Tensor) -> Tensor:
        """Return log p(x | e), of (R, …, m) and (R, …, k)."""
        runs, m, std = e.shape[0], self.shape.observed, self.shape.decoder_std
        mean = self.decoder(e.reshape(runs, -1, e.shape[-1])).reshape(*e.shape[:-1], m)
        squares = ((x - mean) ** 2).sum(-1)
        return -0.5 * squares / std**2 - m * (math.log(std) + 0.5 * _LOG_2_PI)

    def single_elbo(self, x: Tensor, beta: float, generator: torch.Generator) -> Tensor:
        """Return the bound of a β-VAE on log p(x), (R, n), of x (R, n, m)."""
        mean, std = self.encoder(x)
        e = mean + std * _normal(mean, generator)
        divergence = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum(-1)
        return self.log_likelihood(x, e) - beta * divergence

    def single_weights(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return log p(x, e) − log q(e | x), (R, n), at one e drawn from q; x is (R, n, m)."""
        mean, std = self.encoder(x)
        drawn = _normal(mean, generator)
        e = mean + std * drawn
        return self.log_likelihood(x, e) + (0.5 * (drawn**2 - e**2) + std.log()).sum(-1)

    def pair_terms(
        self, x: Tensor, after: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return log q(I | x, x̃) and log p(x, x̃, e, ẽ | I) − log q(e, ẽ | x, x̃, I).

        Both are (R, n, k + 1), for every intervention; x and ``after`` are (R, n, m).
        """
        k = self.shape.latents
        chosen = torch.cat([torch.zeros(1, k), torch.eye(k)])
        encoded = self._encode(x, after)
        sample = self._sample(encoded, chosen[None, :, None, :], generator)
        weight = sample.log_weight
        shift, log_scale = self.mechanisms.at_targets(sample.before[:, 1:])
        own = torch.diagonal(sample.after[:, 1:], dim1=1, dim2=3).transpose(1, 2)
        moved = _log_density(own, shift, log_scale)
        weight = weight + torch.cat([torch.zeros_like(moved[:, :1]), moved], dim=1)
        fits = self.log_likelihood(x[:, None], sample.before)
        fits = fits + self.log_likelihood(after[:, None], sample.after)
        log_q = self.log_targets(encoded[0], encoded[1])
        return log_q, (fits + weight).transpose(1, 2)

    def likeliest_terms(
        self, x: Tensor, after: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the same for the most probable intervention alone, the second as (R, n)."""
        encoded = self._encode(x, after)
        log_q = self.log_targets(encoded[0], encoded[1])
        k = self.shape.latents
        chosen = nn.functional.one_hot(log_q.argmax(-1), k + 1)[..., 1:].to(x.dtype)
        sample = self._sample(encoded, chosen[:, None], generator)
        before, later = sample.before[:, 0], sample.after[:, 0]
        moved = _log_density(later, *self.mechanisms.everywhere(before))
        weight = sample.log_weight[:, 0] + (chosen * moved).sum(-1)
        fits = self.log_likelihood(x, before) + self.log_likelihood(after, later)
        return log_q, fits + weight

    def causal_variables(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z and e, each (R, n, k), at the means of the encoder."""
        e, _ = self.encoder(x)
        shift, log_scale = self.mechanisms.everywhere(e)
        return shift + log_scale.exp() * e, e

    def intervened(self, e: Tensor, target: Tensor, value: Tensor) -> Tensor:
        """Return the noises (R, n, k) with e_I such that z_I = value, (n,)."""
        shift, log_scale = self.mechanisms.everywhere(e)
        noises = (value[:, None] - shift) / log_scale.exp()
        here = nn.functional.one_hot(target, self.shape.latents).bool()
        return torch.where(here, noises, e)

    def _encode(self, x: Tensor, after: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return means of x and of x̃, and standard deviations of both, each (R, n, k)."""
        mean, std = self.encoder(torch.cat([x, after], dim=1))
        return (*mean.chunk(2, dim=1), *std.chunk(2, dim=1))

    @staticmethod
    def _sample(
        encoded: tuple[Tensor, Tensor, Tensor, Tensor], chosen: Tensor, generator: torch.Generator
    ) -> _Sample:
        """Draw (e, ẽ) given interventions ``chosen`` (…, T, n or 1, k), 1 at the target.

        A noise that an intervention keeps has one density, of the mean of both encodings
        (averaged as in Locatello et al. 2020), and one value.
        """
        mean, mean_after, std, std_after = (values[:, None] for values in encoded)
        common, common_std = (mean + mean_after) / 2, (std + std_after) / 2
        first = common + chosen * (mean - common)
        first_std = common_std + chosen * (std - common_std)
        second = common + chosen * (mean_after - common)
        second_std = common_std + chosen * (std_after - common_std)
        drawn = _normal(first, generator)
        drawn_after = torch.where(chosen > 0, _normal(second, generator), drawn)
        before, after = first + first_std * drawn, second + second_std * drawn_after
        weight = 0.5 * (drawn**2 - before**2) + first_std.log()
        # the noise that changes: its density depends on the causes, and is added by the caller
        changed = 0.5 * (drawn_after**2 + _LOG_2_PI) + second_std.log()
        return _Sample(before, after, (weight + chosen * changed).sum(-1))


def _log_density(e: Tensor, shift: Tensor, log_scale: Tensor) -> Tensor:
    """Return the log density of a noise of which scale · e + shift is N(0, 1)."""
    return -0.5 * (shift + log_scale.exp() * e) ** 2 - 0.5 * _LOG_2_PI + log_scale


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator)
