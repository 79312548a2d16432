"""Metrics of pyiqa, which finds the files that are declared and no others, and no network."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import numpy as np
import torch
from numpy.typing import NDArray

from harness.spec import Json, Resource, Unavailable
from harness_plugins.codec.metrics.pair import Image, ImageMetric, check_pair
from harness_plugins.generative.images import Images
from harness_plugins.generative.metrics.weights import weights_path
from harness_plugins.generative.samples import Samples

__all__ = ["full_reference", "no_reference"]

_SEED = 0  # some look at random crops
_LEAST = 4  # GMSD halves, and takes a deviation


def no_reference(
    name: str, owner: str, files: Sequence[Mapping[str, Json]]
) -> Callable[[Samples], NDArray[np.float64]]:
    """Make a metric of images alone: of videos and views the mean over images.

    Args:
        name: as pyiqa calls it.
        owner: the metric whose files they are.
        files: what it loads: the fields of a ``Resource``, and ``place``, the folder in which
            pyiqa looks: ``pyiqa``, ``checkpoints`` or ``clip``.

    Returns:
        A callable from samples to a score for each (n,); NaN where there is none, as for a flat
        image.

    Raises:
        Unavailable: a file is not here, or pyiqa asks for one that is not declared.
    """
    found = []
    for file in files:
        resource = Resource(**{k: v for k, v in file.items() if k != "place"})  # type: ignore[arg-type]
        found.append((str(file["place"]), resource.name, weights_path(resource, owner)))
    model = _model(name, found)

    def scores(samples: Samples) -> NDArray[np.float64]:
        planes = torch.from_numpy(samples.images.floats())
        values = np.array([_score(model, plane[None]) for plane in planes])
        return values.reshape(len(samples), samples.frames).mean(axis=1)

    return scores


def full_reference(name: str) -> ImageMetric:
    """Make a metric of an image and its target that needs no file.

    Returns:
        A callable from two uint8 (H, W, 3) images, both sides at least 4, to a number. It raises
        ``ValueError`` where they cannot be compared.
    """
    model = _model(name, ())

    def measure(reference: Image, made: Image) -> float:
        check_pair(reference, made, least=_LEAST, why=f"{name} looks at neighbours")
        planes = (torch.from_numpy(Images.of(i[None]).floats()) for i in (made, reference))
        return _score(model, *planes)

    return measure


def _model(name: str, files: Sequence[tuple[str, str, Path]]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, and those of what it imports
        import pyiqa  # type: ignore[import-untyped]

        with _closed(files):
            return pyiqa.create_metric(name, device="cpu")


def _score(model: Any, *planes: torch.Tensor) -> float:
    np.random.seed(_SEED)  # noqa: NPY002 - pyiqa draws crops from this one
    torch.manual_seed(_SEED)
    return float(model(*planes))


@contextmanager
def _closed(files: Sequence[tuple[str, str, Path]]) -> Iterator[None]:
    """Let pyiqa see a hub with these files alone, and load nothing but tensors.

    It means to fetch the trained backbones of its networks as well, and then loads what replaces
    every one of their weights; so backbones are made untrained.
    """
    import timm
    import torchvision  # type: ignore[import-untyped]
    from pyiqa.archs import topiq_arch  # type: ignore[import-untyped]
    from pyiqa.utils import download_util  # type: ignore[import-untyped]

    load, hub = torch.load, torch.hub.get_dir()
    with tempfile.TemporaryDirectory(prefix="pyiqa-") as folder, ExitStack() as stack:
        root = Path(folder)
        for place, name, path in (*files, ("pyiqa", "", root)):
            (root / place).mkdir(exist_ok=True)
            for called in {name, quote(name)} - {""}:  # its addresses have %2B for +
                (root / place / called).symlink_to(path.absolute())
        (root / ".cache").mkdir()
        (root / ".cache" / "clip").symlink_to(root / "clip")
        stack.callback(torch.hub.set_dir, hub)
        torch.hub.set_dir(folder)

        def put(where: Any, attribute: str, value: Any) -> None:
            stack.enter_context(mock.patch.object(where, attribute, value))

        stack.enter_context(mock.patch.dict(os.environ, {"HOME": folder}))
        put(download_util, "DEFAULT_CACHE_DIR", str(root / "pyiqa"))
        for where in (download_util, torch.hub):
            put(where, "download_url_to_file", _refuse)
        put(torch, "load", lambda *args, **how: load(*args, **(how | {"weights_only": True})))
        put(timm, "create_model", _untrained(timm.create_model, pretrained=False))
        put(topiq_arch, "create_swin", _untrained(topiq_arch.create_swin, pretrained=False))
        for network in ("vgg16", "resnet18", "resnet34", "resnet50"):
            make = getattr(torchvision.models, network)
            put(torchvision.models, network, _untrained(make, weights=None))
        yield


def _untrained(make: Callable[..., Any], **how: Any) -> Callable[..., Any]:
    return lambda *args, **more: make(*args, **(more | how))


def _refuse(url: str, *_: Any, **__: Any) -> None:
    raise Unavailable(f"pyiqa asks for {url}, which is not declared", "declare it with its digest")
