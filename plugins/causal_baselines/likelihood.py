"""Log densities by importance sampling (Burda et al. 2016)."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness_plugins.causal_baselines.latent import LatentModel

__all__ = ["log_density"]

_ROWS = 200_000  # rows that the decoder sees at once


@torch.no_grad()
def log_density(
    model: LatentModel, x: Tensor, after: Tensor | None, samples: int, *, paired: bool
) -> NDArray[np.float64]:
    """Return log (1/K) Σ p(x, e) / q(e | x) of features (n, m) in nats, (n,).

    Args:
        model: one run.
        x: features before.
        after: features after, or None for the density of x alone.
        samples: K.
        paired: whether a pair has one density; interventions are then summed over, each with
            the same K samples. Otherwise a pair is two independent observations.
    """
    generator = torch.Generator().manual_seed(0)
    if after is not None and not paired:
        first = log_density(model, x, None, samples, paired=False)
        return first + log_density(model, after, None, samples, paired=False)
    chunk = max(1, _ROWS // (samples * (2 * model.shape.latents + 2)))
    found = []
    for at in range(0, len(x), chunk):
        part = x[at : at + chunk].repeat(samples, 1)[None]
        if after is None:
            weights = model.single_weights(part, generator)[0]
        else:
            later = after[at : at + chunk].repeat(samples, 1)[None]
            _, log_joint = model.pair_terms(part, later, generator)
            weights = torch.logsumexp(log_joint[0], dim=-1) - math.log(log_joint.shape[-1])
        weights = weights.double().reshape(samples, -1)
        found.append(torch.logsumexp(weights, dim=0) - math.log(samples))
    return torch.cat(found).numpy()
