"""Where the networks of the metrics come from, and how a signature names them.

OpenAI's addresses hold the digests of their files (openai/CLIP, ``clip/clip.py``); the digest of
Inception begins with the eight digits of its name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from harness.spec import Resource

__all__ = ["INCEPTION", "NETWORKS", "TOKENS", "Network", "clip_signature", "weights_path"]

TOKENS = 77  # what any CLIP reads of a prompt, its two marks among them
_OPENAI = "https://openaipublic.azureedge.net/clip/models"
_OPENAI_LICENCE = "MIT (openai/CLIP); trained on images of the web"


def _openai(name: str, sha256: str, size: int) -> Resource:
    return Resource(
        name=name,
        url=f"{_OPENAI}/{sha256}/{name}",
        sha256=sha256,
        size=size,
        licence=_OPENAI_LICENCE,
    )


class Network(NamedTuple):
    """A CLIP.

    Attributes:
        architecture: as open_clip calls it.
        weights: its file.
        openai: whether the file is one of OpenAI's, a TorchScript archive of half precision whose
            activation is the quick form of GELU; else it is a state dict of open_clip.
    """

    architecture: str
    weights: Resource
    openai: bool = True


NETWORKS: dict[str, Network] = {
    "b32": Network(
        "ViT-B-32",
        _openai(
            "ViT-B-32.pt",
            "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
            353_976_522,
        ),
    ),
    "b16": Network(
        "ViT-B-16",
        _openai(
            "ViT-B-16.pt",
            "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
            350_837_078,
        ),
    ),
    "l14": Network(
        "ViT-L-14",
        _openai(
            "ViT-L-14.pt",
            "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
            932_768_134,
        ),
    ),
    "g14": Network(
        "ViT-g-14",
        Resource(
            name="CLIP-ViT-g-14-laion2B-s12B-b42K.bin",
            url=(
                "https://huggingface.co/laion/CLIP-ViT-g-14-laion2B-s12B-b42K/resolve/"
                "4b0305adc6802b2632e11cbe6606a9bdd43d35c9/open_clip_pytorch_model.bin"
            ),
            sha256="6aac683f899159946bc4ca15228bb7016f3cbb1a2c51f365cba0b23923f344da",
            size=5_467_006_745,
            licence="MIT (laion); trained on LAION-2B",
        ),
        openai=False,
    ),
}

INCEPTION = Resource(
    name="weights-inception-2015-12-05-6726825d.pth",
    url=(
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
        "weights-inception-2015-12-05-6726825d.pth"
    ),
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    size=95_628_359,
    licence="Apache-2.0 (TensorFlow models); trained on ImageNet",
)


def clip_signature(network: str, template: str = "{}") -> str:
    """Return what pins the numbers of a CLIP: network, file, preprocessing, template, limit.

    Args:
        network: a key of ``NETWORKS``.
        template: into which prompts are put; bars would divide the signature, and are left out.
    """
    of = NETWORKS[network]
    name = of.architecture.lower() + ("-openai" if of.openai else "-laion2b")
    words = template.replace("|", "").replace(" ", "_")
    return (
        f"clip:{name}@{of.weights.sha256[:8]}|pre:pil-bicubic-shortest-centre224"
        f"|tpl:{words}|trunc:{TOKENS}"
    )


def weights_path(resource: Resource, owner: str) -> Path:
    """Return where the verified file lies: its owner's, or one that another metric has pulled.

    A network is one file, and many metrics stand on it; a stage that runs it for all of them is
    content with the copy of any.

    Args:
        resource: the file.
        owner: the metric that ``harness weights pull`` is told of where there is none.

    Raises:
        Unavailable: there is none.
        DamagedError: there is one, and it is not what it should be.
    """
    from harness.data import cache_dir, resource_path

    data = os.environ.get("HARNESS_DATA", "")
    roots = [Path(data).expanduser()] if data else []
    others = [p.parent.name for r in (*roots, cache_dir()) for p in r.glob(f"*/{resource.name}")]
    holder = owner if owner in others or not others else min(others)
    return resource_path(holder, resource, remedy=f"harness weights pull {owner}")
