"""The trained models: implicit and explicit latent causal models, and variational autoencoders."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from harness import note
from harness_plugins.causal.interface import Lacking, Observations
from harness_plugins.causal_baselines.checkpoints import pack, unpack
from harness_plugins.causal_baselines.features import features_of, learn_features
from harness_plugins.causal_baselines.latent import LatentModel, Shape
from harness_plugins.causal_baselines.mechanisms import Explicit, Independent, direct_effects
from harness_plugins.causal_baselines.networks import one_thread
from harness_plugins.causal_baselines.training import Recipe, plan, train

__all__ = ["BetaVae", "LatentCausal"]

Floats = np.ndarray

_EFFECT = 0.2  # the direct effect that counts as an edge as likely as not
_NOISES = 2000  # drawn from the prior, over which effects are averaged
_PARTICLES = 32  # importance samples of a likelihood
_CHUNK = 2000
_OF_IMAGES = 4  # latents where observations are images, whose size says nothing of them


class BetaVae:
    """A β-VAE of single observations: latents, and nothing of causes.

    Higgins et al., "β-VAE", ICLR 2017. It also trains the pair models below.

    Args:
        latents: k; None is the dimension of vectors, and 4 for images.
        steps, restarts, batch, rate: of training; the run with the best bound on validation
            data is kept.
        hidden: width of the two hidden layers.
        decoder_std: standard deviation of the decoder's noise, on standardised features.
        images: how many images the features of pictures are trained on, repetitions counted.
        beta: weight of the divergence from the prior.
    """

    mechanisms = "independent"

    def __init__(
        self,
        latents: int | None,
        steps: int,
        restarts: int,
        batch: int,
        rate: float,
        hidden: int,
        decoder_std: float,
        images: int,
        beta: float | None = 1.0,
    ) -> None:
        self._latents, self._hidden, self._std = latents, hidden, decoder_std
        self._recipe = Recipe(steps, restarts, batch, rate, beta)
        self._images = images

    def fit(self, pairs: Observations, val: Observations, seed: int, budget: int) -> bytes:
        """Learn features of images, then the model; see ``CausalModel.fit``."""
        if pairs.shape[1] < 2 and self._recipe.beta is None:
            raise Lacking("the data has no pairs, and this model learns from pairs")
        with one_thread():
            images = min(self._images, budget) if pairs.dtype == np.uint8 else 0
            spent = math.ceil(images / pairs.shape[1])
            features = learn_features(pairs, seed, images)
            seen, judged = features.encode(pairs), features.encode(val)
            k = self._latents or (_OF_IMAGES if pairs.dtype == np.uint8 else features.size)
            shape = Shape(features.size, k, self.mechanisms, self._hidden, self._std)
            work = plan(self._recipe, budget - spent)
            trained = train(shape, seen, judged, self._recipe, work, seed)
        note("validation_elbo", trained.bounds)
        note("examples", spent + work.examples)
        config = {
            "shape": list(shape),
            "kind": features.kind,
            "side": getattr(features, "side", 0),
        }
        arrays = {f"f.{name}": values for name, values in features.arrays().items()}
        arrays |= {f"m.{name}": values.numpy() for name, values in trained.state.items()}
        return pack(config, arrays)

    def load(self, checkpoint: bytes) -> None:
        """Restore features and networks."""
        config, arrays = unpack(checkpoint)

        def part(mark: str) -> dict[str, np.ndarray]:
            return {n[2:]: values for n, values in arrays.items() if n.startswith(mark)}

        self._features = features_of(config, part("f."))
        self._shape = Shape(*config["shape"])
        self._model = LatentModel(1, self._shape, torch.Generator().manual_seed(0))
        self._model.load_state_dict({n: torch.from_numpy(v) for n, v in part("m.").items()})
        self._model.requires_grad_(requires_grad=False)

    def encode(self, x: Observations) -> Floats:
        """Return the causal variables at the mean encoding: (n, k)."""
        return self._causal(x)[0]

    def sample(self, n: int, seed: int) -> Floats:
        """Draw noises from the prior, and observations from them, decoder noise included."""
        generator = torch.Generator().manual_seed(seed)
        with one_thread():
            e = torch.randn((1, n, self._shape.latents), generator=generator)
            mean = self._model.decoder(e)[0]
            drawn = mean + self._std * torch.randn(mean.shape, generator=generator)
            return self._observed(drawn)

    def log_prob(self, x: Observations, x_after: Observations | None) -> Floats:
        """Return importance-weighted log densities in nats: of pairs, or of the x alone.

        A model of single observations takes the two of a pair for independent.

        Raises:
            Lacking: observations are images: their features have no density over pixels.
        """
        if self._features.kind == "images":
            raise Lacking("features of images have no density over pixels")
        note("importance_samples", _PARTICLES)
        with one_thread():
            first = self._features.encode(x)
            after = None if x_after is None else self._features.encode(x_after)
            parts = [
                self._log_density(
                    first[at : at + _CHUNK], None if after is None else after[at : at + _CHUNK], at
                )
                for at in range(0, len(first), _CHUNK)
            ]
        halves = 1 if x_after is None else 2
        return torch.cat(parts).numpy() - halves * self._features.log_volume

    def _log_density(self, x: Tensor, after: Tensor | None, seed: int) -> Tensor:
        found = self._importance(x, seed)
        return found if after is None else found + self._importance(after, seed + 1)

    def _importance(self, x: Tensor, seed: int) -> Tensor:
        """Return log 1/K Σ p(x, e) / q(e | x) of single observations (n, m)."""
        generator = torch.Generator().manual_seed(seed)
        drawn = [
            self._model.single_elbo(x[None], 1.0, generator)[0].double() for _ in range(_PARTICLES)
        ]
        return torch.logsumexp(torch.stack(drawn), 0) - math.log(_PARTICLES)

    def _causal(self, x: Observations) -> tuple[Floats, Tensor]:
        """Return causal variables (n, k) and noise encodings (n, k)."""
        with one_thread():
            z, e = self._model.causal_variables(self._features.encode(x)[None])
        return z[0].double().numpy(), e[0]

    def _observed(self, features: Tensor) -> Floats:
        found = self._features.decode(features)
        if self._features.kind == "images":
            return np.clip(np.rint(found), 0, 255).astype(np.uint8)
        return found


class LatentCausal(BetaVae):
    """A latent causal model of pairs (Brehmer et al., NeurIPS 2022).

    Args:
        mechanisms: ``implicit``: solution functions, the graph is what they depend on;
            ``explicit``: structural equations under a learned graph; ``independent``: none, the
            disentanglement VAE on pairs (Locatello et al., ICML 2020).
    """

    def __init__(
        self,
        mechanisms: str,
        latents: int | None,
        steps: int,
        restarts: int,
        batch: int,
        rate: float,
        hidden: int,
        decoder_std: float,
        images: int,
    ) -> None:
        super().__init__(
            latents, steps, restarts, batch, rate, hidden, decoder_std, images, beta=None
        )
        self.mechanisms = mechanisms

    def adjacency(self) -> Floats:
        """Return edge strengths (k, k): 1/2 is a direct effect of 0.2 deviations on one.

        Raises:
            Lacking: the latents are independent by construction.
        """
        mechanisms = self._model.mechanisms
        if isinstance(mechanisms, Independent):
            raise Lacking("its latents have no graph: they are independent by construction")
        with one_thread():
            if isinstance(mechanisms, Explicit):
                return mechanisms.probabilities()[0].double().numpy()
            generator = torch.Generator().manual_seed(0)
            e = torch.randn((1, _NOISES, self._shape.latents), generator=generator)
            effects = direct_effects(mechanisms, e)[0]
        return (effects / (effects + _EFFECT)).double().numpy()

    def infer_intervention(self, x: Observations, x_after: Observations) -> Floats:
        """Return q(I | x, x̃): (n, k + 1)."""
        with one_thread():
            before = self._model.encoder(self._features.encode(x)[None])[0]
            after = self._model.encoder(self._features.encode(x_after)[None])[0]
            found = self._model.log_targets(before, after)[0].double().exp().numpy()
        return found / found.sum(axis=1, keepdims=True)

    def intervene(self, x: Observations, target: Floats, value: Floats) -> Floats:
        """Set z_target to a value, all other noises being kept, and decode."""
        _, e = self._causal(x)
        with one_thread():
            changed = self._model.intervened(
                e[None],
                torch.from_numpy(np.asarray(target, np.int64)),
                torch.from_numpy(np.asarray(value, np.float32)),
            )
            return self._observed(self._model.decoder(changed)[0])

    def _log_density(self, x: Tensor, after: Tensor | None, seed: int) -> Tensor:
        """Weigh pairs by importance too, each intervention by its own particles."""
        if after is None:
            return self._importance(x, seed)
        generator = torch.Generator().manual_seed(seed)
        drawn = [
            self._model.pair_terms(x[None], after[None], generator)[1][0].double()
            for _ in range(_PARTICLES)
        ]
        each = torch.logsumexp(torch.stack(drawn), 0) - math.log(_PARTICLES)  # (n, k + 1)
        return torch.logsumexp(each, 1) - math.log(self._shape.latents + 1)
