"""The network classes of CompressAI, without the rest of it.

Importing ``compressai`` as a whole takes 2.9 CPU seconds on top of torch and SciPy, for point
clouds (torch_geometric), torchvision and data sets that no image codec needs; each worker would
pay them. With empty stand-ins for those parts it takes 0.01.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from torch import Tensor, nn

__all__ = ["build", "network_class"]

_CLASSES = {
    "bmshj2018-factorized": "FactorizedPrior",
    "bmshj2018-hyperprior": "ScaleHyperprior",
    "mbt2018-mean": "MeanScaleHyperprior",
    "mbt2018": "JointAutoregressiveHierarchicalPriors",
    "cheng2020-anchor": "Cheng2020Anchor",
    "cheng2020-attn": "Cheng2020Attention",
}
_UNUSED = (
    "datasets",
    "losses",
    "models.pointcloud",
    "models.sensetime",
    "models.vbr",
    "optimizers",
    "registry.torchvision",
    "registry.transforms",
    "transforms",
    "typing",
    "zoo",
)


class _StandIn(ModuleType):
    """An empty module that has any name anybody imports from it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


def network_class(architecture: str) -> Any:
    """Return CompressAI's class of an architecture of its zoo, e.g. ``mbt2018-mean``.

    Where nothing has imported ``compressai`` before, its parts that image networks do not use
    are empty in this process.
    """
    if "compressai" not in sys.modules:
        for part in _UNUSED:
            name = f"compressai.{part}"
            sys.modules[name] = _StandIn(name)
    from compressai import models  # type: ignore[import-untyped]

    return getattr(models, _CLASSES[architecture])


def build(architecture: str, state: Mapping[str, Tensor], *, update: bool) -> nn.Module:
    """Return the network with its parameters, in evaluation mode; its widths are read from them.

    Args:
        architecture: its name in the zoo.
        state: parameters and buffers by name.
        update: make the tables of the entropy coder anew, as after training; otherwise only
            where ``state`` has none.

    Raises:
        ValueError: ``state`` is not of this architecture.
    """
    try:
        network: Any = network_class(architecture).from_state_dict(dict(state))
    except (KeyError, RuntimeError, IndexError) as error:
        line = " ".join(str(error).split())[:200]
        raise ValueError(f"the checkpoint is not of {architecture}: {line}") from error
    network.update(force=update)
    return network.eval().requires_grad_(False)  # type: ignore[no-any-return]
