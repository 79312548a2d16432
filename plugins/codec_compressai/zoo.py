"""Factories of the codecs, as the declarations name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from torch import nn

from harness.spec import Json
from harness_plugins.codec_compressai.checkpoints import find_checkpoints, read_own, read_zoo
from harness_plugins.codec_compressai.codec import NeuralCodec
from harness_plugins.codec_compressai.components import Skeleton
from harness_plugins.codec_compressai.networks import build
from harness_plugins.codec_compressai.weights import ZOO, model_name

__all__ = [
    "bmshj2018_factorized",
    "bmshj2018_factorized_skeleton",
    "bmshj2018_hyperprior",
    "bmshj2018_hyperprior_skeleton",
    "checkpoint",
    "cheng2020_anchor",
    "cheng2020_anchor_skeleton",
    "cheng2020_attn",
    "cheng2020_attn_skeleton",
    "mbt2018",
    "mbt2018_mean",
    "mbt2018_mean_skeleton",
    "mbt2018_skeleton",
]


def checkpoint(architecture: str, checkpoints: Sequence[Mapping[str, Json]]) -> NeuralCodec:
    """Make the codec of a user's networks: quality 1 is the first file, and so on.

    The tables of the entropy coder are made anew from the parameters, as CompressAI's
    ``eval_model checkpoint`` does.

    Args:
        architecture: its name in CompressAI's zoo.
        checkpoints: for each quality ``{path, sha256}`` of a file that holds the network's
            state, alone or under ``state_dict``, ``network`` or ``model_state_dict``.

    Raises:
        Unavailable: a file is not on this machine.
        ValueError: an entry is not as said.
    """
    found = find_checkpoints(checkpoints)

    def load(quality: int) -> nn.Module:
        return build(architecture, read_own(found[quality - 1]), update=True)

    return NeuralCodec(architecture, load, len(found))


def _zoo(architecture: str, metric: str) -> NeuralCodec:
    """Make a codec of the zoo.

    Args:
        architecture: its name there.
        metric: what it was trained for: ``mse`` or ``ms-ssim``.

    Raises:
        ValueError: ``metric`` is neither.
    """
    if (architecture, metric) not in ZOO:
        raise ValueError(f"metric: expected 'mse' or 'ms-ssim', got {metric!r}")
    files, owner = ZOO[architecture, metric], model_name(architecture, metric)

    def load(quality: int) -> nn.Module:
        return build(architecture, read_zoo(owner, files[quality - 1]), update=False)

    return NeuralCodec(architecture, load, len(files))


bmshj2018_factorized = partial(_zoo, "bmshj2018-factorized")
bmshj2018_hyperprior = partial(_zoo, "bmshj2018-hyperprior")
mbt2018_mean = partial(_zoo, "mbt2018-mean")
mbt2018 = partial(_zoo, "mbt2018")
cheng2020_anchor = partial(_zoo, "cheng2020-anchor")
cheng2020_attn = partial(_zoo, "cheng2020-attn")


def _skeleton(architecture: str, metric: str) -> Skeleton:  # noqa: ARG001 - of the factory
    """Make a codec of the zoo without its weights; what it was trained for changes no shape."""
    return Skeleton(architecture)


bmshj2018_factorized_skeleton = partial(_skeleton, "bmshj2018-factorized")
bmshj2018_hyperprior_skeleton = partial(_skeleton, "bmshj2018-hyperprior")
mbt2018_mean_skeleton = partial(_skeleton, "mbt2018-mean")
mbt2018_skeleton = partial(_skeleton, "mbt2018")
cheng2020_anchor_skeleton = partial(_skeleton, "cheng2020-anchor")
cheng2020_attn_skeleton = partial(_skeleton, "cheng2020-attn")
