"""CausalCircuit (Brehmer et al. 2022) as its authors publish it.

``train-0.npz`` … ``train-9.npz`` (or ``train.npz``), ``val.npz`` and ``test.npz``: 100,000,
10,000 and 10,000 pairs. Each archive holds, of N pairs,

- ``imgs`` (N, 2) bytes: JPEG files of 512 × 512 pictures before and after;
- ``original_latents`` (N, 2, 4) float64: red, green and blue light, arm;
- ``epsilon`` (N, 2, 4) float64: the noise, after an intervention the noise encoding;
- ``intervention_masks`` (N, 4): what was intervened on.

The archives hold more (``pressed``, ``intervention_labels``), which is not read. The graph is
that of the paper: the arm presses the buttons of all three lights, and green and blue light red.
Pictures are read from the archives one after the other, so memory holds those asked for only.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from harness.data.folders import find_folder, reading
from harness.spec import Item, Unavailable
from harness_plugins.causal.datasets import published
from harness_plugins.causal.datasets.recipes import SPLITS, check_whole, sizes_of

if TYPE_CHECKING:
    import numpy as np

__all__ = ["index", "load"]

Arrays = dict[str, Any]

_NAME = "causal_circuit"
_EDGES = ((3, 0), (3, 1), (3, 2), (1, 0), (2, 0))
_REMEDY = (
    "download it from developer.qualcomm.com/software/ai-datasets/causalcircuit (a login is "
    "needed) and put its .npz files into $HARNESS_DATA/causal_circuit, or into a directory that "
    "the suite names by params {folder: DIRECTORY}"
)


def index(train: int, val: int, test: int, budget: int, folder: str) -> Sequence[Item]:
    """Return the one problem of the dataset.

    Args:
        train: how many of the training pairs, from the first on; ``val`` and ``test`` likewise.
        budget: examples that a model may train on.
        folder: where the archives lie; "" for ``$HARNESS_DATA/causal_circuit``.

    Raises:
        Unavailable: the archives are not on this machine.
        ValueError: one is damaged, or they hold fewer pairs; one line.
    """
    sizes = sizes_of(train, val, test)
    root = find_folder(_NAME, folder, _REMEDY)
    if not list(root.glob("*.npz")):
        raise Unavailable(f"{root} holds no .npz file", _REMEDY)
    files, takes = [], []
    for split in SPLITS:
        left = sizes[split]
        for file in _archives(root, split):
            if left:
                take = min(left, _pairs_in(file))
                files.append(file)
                takes.append([split, take])
                left -= take
        if left:
            raise ValueError(
                f"{root} holds {sizes[split] - left} {split} pairs, not {sizes[split]}"
            )
    recipe = {"loader": _NAME, "takes": takes, "budget": check_whole("budget", budget, 1, 2**62)}
    return [published.item_from_files(_NAME, recipe, files)]


def load(item: Item, _data: bytes | None) -> Arrays:
    """Return the problem: the arrays that :mod:`harness_plugins.causal.stages` describes.

    Raises:
        ValueError: an archive is damaged, or not the one of the plan; one line.
    """
    import numpy as np

    parts = []
    files = published.verified(_NAME, item)
    for file, (split, n) in zip(files, item.meta["takes"], strict=True):
        with reading(file):
            part = _read(file, n)
        parts.append({**part, "split": np.full(n, SPLITS.index(split), np.uint8)})
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    adjacency = np.zeros((4, 4), np.uint8)
    adjacency[tuple(zip(*_EDGES, strict=True))] = 1
    return whole | {"adjacency": adjacency, "budget": np.array(item.meta["budget"], np.int64)}


def _archives(root: Path, split: str) -> list[Path]:
    whole = root / f"{split}.npz"
    if whole.is_file():
        return [whole]
    parts = [p for p in root.glob(f"{split}-*.npz") if p.stem.rpartition("-")[2].isdigit()]
    return sorted(parts, key=lambda p: int(p.stem.rpartition("-")[2]))


def _pairs_in(file: Path) -> int:
    import zipfile

    with reading(file), zipfile.ZipFile(file) as archive:
        with archive.open("original_latents.npy") as stream:
            shape, _ = _header(stream)
        return shape[0]


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return an array's shape and type; the stream stands behind them."""
    from numpy.lib import format as npy

    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_columns, dtype = read(stream)
    if by_columns or not shape:
        raise ValueError(f"an array of shape {shape} in columns")
    return shape, dtype


def _read(file: Path, n: int) -> Arrays:
    """Return the first n pairs of an archive."""
    import zipfile

    import numpy as np

    with np.load(file, allow_pickle=False) as arrays:
        z, noise = (np.float64(arrays[name][:n]) for name in ("original_latents", "epsilon"))
        targets = arrays["intervention_masks"][:n].astype(np.bool_)
    if z.shape != (n, 2, 4) or noise.shape != z.shape or targets.shape != (n, 4):
        raise ValueError(f"shapes {z.shape}, {noise.shape}, {targets.shape} of {n} pairs")
    x = np.empty((n, 2, published.SIDE, published.SIDE, 3), np.uint8)
    with zipfile.ZipFile(file) as archive, archive.open("imgs.npy") as stream:
        shape, dtype = _header(stream)
        if shape[0] < n or shape[1:] != (2,) or dtype.kind != "S":
            raise ValueError(f"imgs is {dtype} {shape}; expected bytes (N, 2)")
        for pair in x:
            for half in range(2):
                pair[half] = _picture(stream.read(dtype.itemsize))
    return {"x": x, "z": z, "noise": noise, "targets": targets}


def _picture(data: bytes) -> Any:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        return published.shrink(image)
