"""How noise becomes causal variables: z_i = scale_i(·) e_i + shift_i(·), one class per model.

Each class maps noise encodings e to shift and log scale of every variable. ``at_targets`` asks for
variable i in slice i only, which is what an intervention on i needs; ``everywhere``, which is what
a call does, for all.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from harness_plugins.causal_baselines.networks import Perceptrons

__all__ = ["Explicit", "Implicit", "Independent", "Mechanisms", "direct_effects", "make"]

_SCALE_FLOOR = 0.2
_STEEPEST = 10.0  # derivatives beyond are taken for numerical accidents
_UNIT = math.log(math.expm1(1 - _SCALE_FLOOR))  # softplus of it and the floor make 1


class Independent(nn.Module):
    """z = e: the latents of a disentanglement VAE."""

    def at_targets(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Map (runs, k, n, k) to shift and log scale, each (runs, k, n)."""
        nothing = torch.zeros(e.shape[:-1])
        return nothing, nothing

    def everywhere(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Map (runs, n, k) to shift and log scale, each (runs, n, k)."""
        nothing = torch.zeros(e.shape)
        return nothing, nothing

    forward = everywhere


class Implicit(nn.Module):
    r"""Solution functions z_i = s_i(e_i; e_\i), affine in e_i (Brehmer et al. 2022, section 4).

    Nothing orders the variables: which noises s_i listens to is the graph, implicitly.
    """

    def __init__(self, runs: int, latents: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.nets = Perceptrons((runs, latents), (latents, hidden, hidden, 2), generator)
        self.register_buffer("others", 1 - torch.eye(latents)[:, None, :], persistent=False)

    def at_targets(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Map (runs, k, n, k) to shift and log scale, each (runs, k, n)."""
        return _affine(self.nets(e * self.others))

    def everywhere(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Map (runs, n, k) to shift and log scale, each (runs, n, k)."""
        found = self.at_targets(e[:, None].expand(-1, e.shape[-1], -1, -1))
        return found[0].transpose(1, 2), found[1].transpose(1, 2)

    forward = everywhere


class Explicit(nn.Module):
    """z_i = f_i(e_i; z_parents), affine in e_i, with parents under a learned graph.

    An edge from i to j is there where i comes before j in an order and the pair is switched on.
    In training both are drawn: the order by adding Gumbel noise to one score per variable
    (Plackett and Luce), the switches as Bernoulli variables; gradients pass straight through.
    So every graph drawn is acyclic. Outside training the most probable graph is used.
    """

    def __init__(self, runs: int, latents: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.nets = Perceptrons((runs, latents), (latents, hidden, hidden, 2), generator)
        self.scores = nn.Parameter(3 * torch.randn((runs, latents), generator=generator))
        self.switches = nn.Parameter(torch.full((runs, latents, latents), 3.0))
        self.register_buffer("pairs", 1 - torch.eye(latents), persistent=False)
        self.generator: torch.Generator | None = None  # where it is set, graphs are drawn

    def probabilities(self) -> Tensor:
        """Return the probability of each edge, (runs, k, k)."""
        before = torch.sigmoid(self.scores[:, None, :] - self.scores[:, :, None])
        return before * torch.sigmoid(self.switches) * self.pairs

    def graph(self) -> tuple[Tensor, Tensor]:
        """Return an adjacency (runs, k, k) of zeros and ones, and an order (runs, k) of it."""
        scores, switches = self.scores, self.switches
        if self.generator is not None:
            scores = scores - _exponential(scores, self.generator).log()
            ratio = _exponential(switches, self.generator) / _exponential(switches, self.generator)
            switches = switches + ratio.log()
        before = _step(scores[:, None, :] - scores[:, :, None])
        return before * _step(switches) * self.pairs, scores.argsort(dim=-1)

    def everywhere(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Map (runs, n, k) to shift and log scale, each (runs, n, k)."""
        adjacency, order = self.graph()
        runs, latents = order.shape
        rows = torch.arange(runs)
        z = torch.zeros_like(e)
        shifts, logs = torch.zeros_like(e), torch.zeros_like(e)
        for step in range(latents):
            at = order[:, step]
            parents = adjacency[rows, :, at][:, None, :]
            shift, log_scale = _affine(self.nets.one_of(rows, at, z * parents))
            here = nn.functional.one_hot(at, latents)[:, None, :].to(e.dtype)
            z = z + here * (shift[..., None] + log_scale.exp()[..., None] * e)
            shifts = shifts + here * shift[..., None]
            logs = logs + here * log_scale[..., None]
        return shifts, logs

    forward = everywhere

    def at_targets(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Map (runs, k, n, k) to shift and log scale, each (runs, k, n)."""
        runs, latents, n, _ = e.shape
        found = self.everywhere(e.reshape(runs, latents * n, latents))
        shift, log_scale = (
            torch.diagonal(values.reshape(runs, latents, n, latents), dim1=1, dim2=3)
            for values in found
        )
        return shift.transpose(1, 2), log_scale.transpose(1, 2)


Mechanisms = Implicit | Explicit | Independent


def make(
    name: str, runs: int, latents: int, hidden: int, generator: torch.Generator
) -> Mechanisms:
    """Return mechanisms by name: ``implicit``, ``explicit`` or ``independent``."""
    if name == "independent":
        return Independent()
    return (Implicit if name == "implicit" else Explicit)(runs, latents, hidden, generator)


def direct_effects(mechanisms: Mechanisms, e: Tensor) -> Tensor:
    """Return how much each variable moves each other directly, (runs, k, k), [i, j] of i on j.

    For any structural causal model z = f(z, e) with own noises, dz = F dz + N de with N diagonal
    and F_jj = 0. So I − F = N J⁻¹, where J = ∂z/∂e is what solution functions give, and
    F_ji = −(J⁻¹)_ji / (J⁻¹)_jj: indirect effects drop out without knowing an order.

    The effect is the root mean square of F_ji over the noises e, (runs, n, k), after least
    squares on 1, z and z²: networks fit to samples have rough derivatives, and without the fit
    the roughness looks like an effect.
    """
    e = e.detach().requires_grad_(requires_grad=True)
    k = e.shape[-1]
    with torch.enable_grad():
        shift, log_scale = mechanisms.everywhere(e)
        z = shift + log_scale.exp() * e
        rows = [torch.autograd.grad(z[..., j].sum(), e, retain_graph=True)[0] for j in range(k)]
    inverse = torch.linalg.inv(torch.stack(rows, dim=-2).double())
    own = torch.diagonal(inverse, dim1=-2, dim2=-1)[..., None]
    field = (inverse / own).clamp(-_STEEPEST, _STEEPEST).transpose(-1, -2).flatten(-2)
    z = z.detach().double()
    z = (z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True) + 1e-9)
    basis = torch.cat([torch.ones_like(z[..., :1]), z, z**2], dim=-1)
    fit = basis @ torch.linalg.lstsq(basis, field, driver="gelsd").solution
    effects = (fit**2).mean(1).sqrt().unflatten(-1, (k, k))
    return effects * (1 - torch.eye(k))


def _affine(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Return shift and log scale of (…, 2) outputs; the scale is at least 0.2, and 1 at first."""
    return raw[..., 0], torch.log(_SCALE_FLOOR + nn.functional.softplus(raw[..., 1] + _UNIT))


def _step(x: Tensor) -> Tensor:
    """Return 1 where x > 0 and 0 elsewhere, with the gradient of a sigmoid."""
    soft = torch.sigmoid(x)
    return (x > 0).to(x.dtype) + soft - soft.detach()


def _exponential(like: Tensor, generator: torch.Generator) -> Tensor:
    """Return standard exponential variables: −log of one is a Gumbel variable."""
    uniform = torch.rand(like.shape, generator=generator)
    return (-torch.log1p(-uniform)).clamp_min(1e-20)
