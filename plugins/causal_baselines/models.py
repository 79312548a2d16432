"""The models: latent variables, what they see, and what the interface asks of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness import note
from harness.cost import Component
from harness_plugins.causal.interface import Lacking, Observations
from harness_plugins.causal_baselines.checkpoints import pack, unpack
from harness_plugins.causal_baselines.features import features_of, learn_features
from harness_plugins.causal_baselines.latent import LatentModel, Shape
from harness_plugins.causal_baselines.likelihood import log_density
from harness_plugins.causal_baselines.mechanisms import Explicit, direct_effects
from harness_plugins.causal_baselines.networks import one_thread
from harness_plugins.causal_baselines.training import Recipe, plan, train
from harness_plugins.causal_baselines.unrolling import unrolled

__all__ = ["BetaVAE", "DisentanglementVAE", "ExplicitModel", "ImplicitModel"]

Floats = NDArray[np.float64]

_IMAGE_LATENTS = 4
_EFFECT = 0.2  # the direct effect that counts as half an edge
_ENCODINGS = 2000  # of validation observations, over which effects are averaged
_IMAGES_OF_BUDGET = 0.1  # the share of the budget that an autoencoder of images has
_MOST_IMAGES = 200_000
_CHARTED = 2500  # pairs whose codes are unrolled


class BetaVAE:
    """A variational autoencoder of single observations, blind to pairs (Higgins et al. 2017).

    Args:
        latents: k; None for the numbers in a vector, 4 for images.
        steps: of each run; None for 1800 k − 1200, at least 2400.
        restarts: runs, of which the best validation bound is kept.
        beta: weight of the divergence; models of pairs have none.
        decoder_std: of the decoder's noise, in standard deviations of the data.
        importance_samples: of the likelihood.
    """

    mechanisms = "independent"

    def __init__(
        self,
        *,
        latents: int | None = None,
        steps: int | None = None,
        restarts: int = 1,
        batch: int = 256,
        rate: float = 2e-3,
        hidden: int = 64,
        decoder_std: float = 0.05,
        importance_samples: int = 20,
        beta: float | None = 1.0,
    ) -> None:
        self.latents, self.steps, self.restarts, self.batch = latents, steps, restarts, batch
        self.rate, self.hidden, self.decoder_std = rate, hidden, decoder_std
        self.importance_samples, self.beta = importance_samples, beta

    def fit(self, pairs: Observations, val: Observations, seed: int, budget: int) -> bytes:
        """Learn; see :class:`harness_plugins.causal.interface.CausalModel`."""
        if self.beta is None and pairs.shape[1] != 2:
            raise Lacking("the data has no pairs, which is all that this model learns from")
        with one_thread():
            return self._fit(pairs, val, seed, budget)

    def load(self, checkpoint: bytes) -> None:
        """Become the model of a checkpoint."""
        config, arrays = unpack(checkpoint)
        shape = Shape(**config["shape"])
        self.model = LatentModel(1, shape, torch.Generator())
        self.model.load_state_dict(
            {
                name[6:]: torch.tensor(values)
                for name, values in arrays.items()
                if name.startswith("model.")
            }
        )
        self.features = features_of(
            config["features"],
            {name[9:]: values for name, values in arrays.items() if name.startswith("features.")},
        )
        self.effects = arrays["effects"]

    @torch.no_grad()
    def encode(self, x: Observations) -> Floats:
        """Return the causal variables z = s(e) at the encoder's means, (n, k)."""
        with one_thread():
            z, _ = self.model.causal_variables(self.features.encode(x)[None])
        return z[0].double().numpy()

    def components(self, item: Observations, _point: Any) -> list[Component]:
        """Return the networks that :meth:`encode` asks, for the observations (n, …)."""
        seen = self.features.encode(item)[None]
        with torch.no_grad():
            noises, _ = self.model.encoder(seen)
        parts = [
            ("encoder", self.model.encoder, seen),
            ("mechanisms", self.model.mechanisms, noises),
        ]
        return self.features.components(item) + [
            Component(name=name, module=module, inputs=[given], step="encode")
            for name, module, given in parts
            if any(True for _ in module.parameters())
        ]

    def adjacency(self) -> Floats:
        """Return strengths a / (a + 0.2) of direct effects a, (k, k); independent latents: 0."""
        strength: Floats = self.effects / (self.effects + _EFFECT)
        return strength

    @torch.no_grad()
    def intervene(self, x: Observations, target: NDArray[np.int64], value: Floats) -> Observations:
        """Return counterfactuals: noises abducted, e_I set, what was not explained kept."""
        with one_thread():
            _, e = self.model.causal_variables(self.features.encode(x)[None])
            done = self.model.intervened(
                e, torch.from_numpy(target), torch.from_numpy(value).float()
            )
            moved = self._decode(done) - self._decode(e)
        found = x.astype(np.float64) + moved
        if x.dtype == np.uint8:
            return np.clip(np.rint(found), 0, 255).astype(np.uint8)
        return found

    @torch.no_grad()
    def sample(self, n: int, seed: int) -> Observations:
        """Draw observations: noises from the prior, decoded, with the decoder's noise."""
        generator = torch.Generator().manual_seed(seed)
        e = torch.randn((1, n, self.model.shape.latents), generator=generator)
        with one_thread():
            features = self.model.decoder(e)
            spread = torch.randn(features.shape, generator=generator)
            found = self.features.decode((features + self.model.shape.decoder_std * spread)[0])
        if self.features.kind == "images":
            return np.clip(np.rint(found), 0, 255).astype(np.uint8)
        return found.astype(np.float32)

    def log_prob(self, x: Observations, x_after: Observations | None) -> Floats:
        """Return importance-weighted log densities, (n,) nats; with pairs, of both."""
        if self.features.kind == "images":
            raise Lacking("latents of image codes have no density over pixels")
        before = self.features.encode(x)
        after = None if x_after is None else self.features.encode(x_after)
        with one_thread():
            found = log_density(
                self.model, before, after, self.importance_samples, paired=self.beta is None
            )
        return found - self.features.log_volume * (1 if x_after is None else 2)

    def _decode(self, e: Tensor) -> Floats:
        return self.features.decode(self.model.decoder(e)[0])

    def _fit(self, pairs: Observations, val: Observations, seed: int, budget: int) -> bytes:
        images = 0
        if pairs.dtype == np.uint8:
            images = min(_MOST_IMAGES, int(_IMAGES_OF_BUDGET * budget)) // 64 * 64
        features = learn_features(pairs, seed, images)
        vectors, val_vectors = features.encode(pairs), features.encode(val)
        default = _IMAGE_LATENTS if pairs.dtype == np.uint8 else features.size
        k = self.latents or default
        recipe = Recipe(
            self.steps or max(2400, 1800 * k - 1200),
            self.restarts,
            self.batch,
            self.rate,
            self.beta,
        )
        shape = Shape(features.size, k, self.mechanisms, self.hidden, self.decoder_std)
        work = plan(recipe, budget - images)
        start = None
        if images and self.beta is None and k <= features.size + 1:
            first = vectors[:_CHARTED].numpy().astype(np.float64)
            start = torch.from_numpy(unrolled(first, k, seed).astype(np.float32))
        best = train(shape, vectors, val_vectors, recipe, work, seed, start)
        note("examples", work.examples + images)
        note("steps", work.steps)
        note("validation_elbo", max(best.bounds))
        note("validation_elbo_of_restarts", best.bounds)
        model = LatentModel(1, shape, torch.Generator())
        model.load_state_dict(best.state)
        arrays = {f"model.{name}": values for name, values in best.state.items()}
        arrays |= {f"features.{name}": values for name, values in features.arrays().items()}
        arrays["effects"] = self._effects(model, val_vectors[:_ENCODINGS, 0])
        about = {"kind": features.kind, "side": getattr(features, "side", 0)}
        return pack({"shape": shape._asdict(), "features": about}, arrays)

    def _effects(self, model: LatentModel, vectors: Tensor) -> Floats:  # noqa: ARG002
        """Return direct effects (k, k) of latents on each other."""
        return np.zeros((model.shape.latents, model.shape.latents))


class DisentanglementVAE(BetaVAE):
    """Independent latents, of which an intervention changes one (Locatello et al. 2020)."""

    def __init__(self, **params: Any) -> None:
        super().__init__(beta=None, **params)

    @torch.no_grad()
    def infer_intervention(self, x: Observations, x_after: Observations) -> Floats:
        """Return q(I | x, x̃), (n, k + 1)."""
        with one_thread():
            means = [
                self.model.encoder(self.features.encode(each)[None])[0] for each in (x, x_after)
            ]
            log_q = self.model.log_targets(*means)[0].double()
        return torch.softmax(log_q, dim=-1).numpy()


class ImplicitModel(DisentanglementVAE):
    """The implicit latent causal model (Brehmer et al. 2022)."""

    mechanisms = "implicit"

    def _effects(self, model: LatentModel, vectors: Tensor) -> Floats:
        with torch.no_grad():
            _, e = model.causal_variables(vectors[None])
        return direct_effects(model.mechanisms, e)[0].numpy()


class ExplicitModel(DisentanglementVAE):
    """The explicit latent causal model: the same with a learned graph (Brehmer et al. 2022)."""

    mechanisms = "explicit"

    def adjacency(self) -> Floats:
        """Return the probability of each edge, (k, k)."""
        assert isinstance(self.model.mechanisms, Explicit)
        with torch.no_grad():
            return self.model.mechanisms.probabilities()[0].double().numpy()
