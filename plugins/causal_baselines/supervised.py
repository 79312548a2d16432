"""What a network of the same kind finds when it is told the variables of the training pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness import note
from harness.cost import Component
from harness_plugins.causal.interface import Diverged, Observations
from harness_plugins.causal_baselines.checkpoints import pack, unpack
from harness_plugins.causal_baselines.features import features_of, learn_features
from harness_plugins.causal_baselines.networks import Perceptrons, one_thread
from harness_plugins.causal_baselines.oracles import need

__all__ = ["Supervised"]

Floats = NDArray[np.float64]

_IMAGES_OF_BUDGET = 0.1
_MOST_IMAGES = 200_000


class Supervised:
    """Least squares from observations to true variables.

    Images are seen through the codes of an autoencoder, like those of every other model here.

    Args:
        steps: where the budget has them.
        batch: pairs per step.
        rate: step size of Adam; falls to 0 as a cosine.
        hidden: width of the two hidden layers.
    """

    def __init__(
        self, *, steps: int = 4000, batch: int = 256, rate: float = 2e-3, hidden: int = 128
    ) -> None:
        self.steps, self.batch, self.rate, self.hidden = steps, batch, rate, hidden

    def fit(
        self,
        pairs: Observations,
        val: Observations,
        seed: int,
        budget: int,
        truth: Mapping[str, np.ndarray] | None = None,
    ) -> bytes:
        """Learn; see :class:`harness_plugins.causal.interface.CausalModel`."""
        known = need(truth)
        with one_thread():
            images = 0
            if pairs.dtype == np.uint8:
                images = min(_MOST_IMAGES, int(_IMAGES_OF_BUDGET * budget)) // 64 * 64
            features = learn_features(pairs, seed, images)
            z = known["z"].reshape(-1, known["z"].shape[-1])
            mean, std = z.mean(axis=0), np.maximum(z.std(axis=0), 1e-9)
            wanted = torch.from_numpy(((known["z"] - mean) / std).astype(np.float32))
            generator = torch.Generator().manual_seed(seed)
            sizes = (features.size, self.hidden, self.hidden, z.shape[1])
            net = Perceptrons((1,), sizes, generator)
            batch = max(1, min(self.batch, budget - images))
            steps = min(self.steps, (budget - images) // batch)
            self._train(net, features.encode(pairs), wanted, steps, batch, generator)
            with torch.no_grad():
                given = net(features.encode(val).flatten(0, 1)[None])[0].numpy() * std + mean
        error = float((((given - known["val_z"].reshape(given.shape)) / std) ** 2).mean())
        if not math.isfinite(error):
            raise Diverged("the loss is no longer finite")
        note("examples", steps * batch + images)
        note("validation_mse", error)
        arrays = {f"net.{name}": values for name, values in net.state_dict().items()}
        arrays |= {f"features.{name}": values for name, values in features.arrays().items()}
        about = {"kind": features.kind, "side": getattr(features, "side", 0)}
        return pack({"sizes": sizes, "features": about}, arrays | {"mean": mean, "std": std})

    def load(self, checkpoint: bytes) -> None:
        """Become the model of a checkpoint."""
        config, arrays = unpack(checkpoint)
        self.net = Perceptrons((1,), config["sizes"], torch.Generator())
        self.net.load_state_dict(
            {
                name[4:]: torch.tensor(values)
                for name, values in arrays.items()
                if name[:4] == "net."
            }
        )
        self.features = features_of(
            config["features"],
            {name[9:]: values for name, values in arrays.items() if name[:9] == "features."},
        )
        self.mean, self.std = arrays["mean"], arrays["std"]

    @torch.no_grad()
    def encode(self, x: Observations) -> Floats:
        """Return predicted variables, (n, d)."""
        with one_thread():
            found = self.net(self.features.encode(x)[None])[0].double().numpy()
        return found * self.std + self.mean

    def components(self, item: Observations, _point: Any) -> list[Component]:
        """Return the networks that :meth:`encode` asks, for the observations (n, …)."""
        seen = self.features.encode(item)[None]
        own = Component(name="encoder", module=self.net, inputs=[seen], step="encode")
        return [*self.features.components(item), own]

    def _train(
        self,
        net: Perceptrons,
        x: Tensor,
        z: Tensor,
        steps: int,
        batch: int,
        generator: torch.Generator,
    ) -> None:
        """Train in place on features (n, halves, p) and variables (n, halves, d)."""
        optimizer = torch.optim.Adam(net.parameters(), lr=self.rate, fused=True)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = self.rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            drawn = torch.randint(len(x), (batch,), generator=generator)
            loss = ((net(x[drawn].flatten(0, 1)[None])[0] - z[drawn].flatten(0, 1)) ** 2).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
