"""Where the networks of pretrained models come from.

Digests are those by which the hub keeps the files; public lists of several projects state them.
"""

from __future__ import annotations

from harness.spec import Resource

__all__ = ["STABLE_DIFFUSION_15"]

_HUB = "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/resolve/main"
_LICENCE = "CreativeML Open RAIL-M"


def _file(name: str, path: str, size: int, sha256: str) -> Resource:
    return Resource(name=name, url=f"{_HUB}/{path}", sha256=sha256, size=size, licence=_LICENCE)


STABLE_DIFFUSION_15 = {
    "unet": _file(
        "sd15-unet.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        3_438_167_540,
        "19da7aaa4b880e59d56843f1fcb4dd9b599c28a1d9d9af7c1143057c8ffae9f1",
    ),
    "vae": _file(
        "sd15-vae.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        334_643_276,
        "a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c",
    ),
    "text_encoder": _file(
        "sd15-text-encoder.safetensors",
        "text_encoder/model.safetensors",
        492_265_874,
        "d008943c017f0092921106440254dbbe00b6a285f7883ec8ba160c3faad88334",
    ),
}
