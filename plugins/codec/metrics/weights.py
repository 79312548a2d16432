"""Where the networks of LPIPS and DISTS come from.

The digests of the torchvision files begin with the eight digits of their names.
"""

from __future__ import annotations

from harness.spec import Resource

__all__ = ["ALEXNET", "DISTS", "SQUEEZENET", "VGG16"]

_IMAGENET = "BSD-3-Clause (torchvision); trained on ImageNet"

ALEXNET = Resource(
    name="alexnet-owt-7be5be79.pth",
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    size=244_408_911,
    licence=_IMAGENET,
)
VGG16 = Resource(
    name="vgg16-397923af.pth",
    url="https://download.pytorch.org/models/vgg16-397923af.pth",
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    size=553_433_881,
    licence=_IMAGENET,
)
SQUEEZENET = Resource(
    name="squeezenet1_1-b8a52dc0.pth",
    url="https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
    sha256="b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
    size=4_958_839,
    licence=_IMAGENET,
)
DISTS = Resource(
    name="dists-weights.pt",
    url=(
        "https://raw.githubusercontent.com/dingkeyan93/DISTS/"
        "1267d8cb626c98706db3697422701c56a85ebf2e/DISTS_pytorch/weights.pt"
    ),
    sha256="f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
    size=12_288,
    licence="MIT",
)
