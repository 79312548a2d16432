"""Causal Triplet (Liu et al. 2023), the pairs from ProcTHOR, as its authors publish it.

A directory ``proc_NNNNN`` for each scene, with ``annotations.csv`` (no header: scene, number,
figure, object, action, xmin, ymin, xmax, ymax) and 672 × 672 pictures
``color/NNNNN_first.png`` and ``color/NNNNN_second_OBJECT_ACTION.png``. Rows of the action ``none``
describe first pictures; ``cook`` is left out, as in the authors' loader.

What is known of a pair is which object was acted on, and how; not the state of anything else.
The variables here are the states that actions change (open, dirty, on, broken, used up, sliced)
of the object acted on: −1 or 1 before and after for the one that the action changed, and 0 for
the others, of which nothing is known. So the intervention's target is exact, and metrics that
compare latents with ``z`` are not: they are for orientation. No graph is annotated: it is empty.
Scenes are parted between training, validation and test in the order of the digests of their
names, so no room is in two of them. These are the i.i.d. splits; the authors' splits by unseen
objects and combinations are not made here.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.data.folders import find_folder, reading
from harness.spec import Item, Unavailable
from harness_plugins.causal.datasets import published
from harness_plugins.causal.datasets.recipes import SPLITS, check_whole, sizes_of

__all__ = ["VARIABLES", "index", "load"]

Arrays = dict[str, Any]

VARIABLES = ("open", "dirty", "on", "broken", "used up", "sliced")
# action: which state it changes, and what that is afterwards
_ACTIONS = {
    "open": (0, 1),
    "close": (0, -1),
    "dirty": (1, 1),
    "clean": (1, -1),
    "turnon": (2, 1),
    "turnoff": (2, -1),
    "break": (3, 1),
    "use": (4, 1),
    "slice": (5, 1),
}
_PASSED_OVER = {"none", "cook"}
_NAME = "causal_triplet"
_REMEDY = (
    "download the scenes from zenodo.org/records/7813658, unpack them, and put the directories "
    "proc_NNNNN into $HARNESS_DATA/causal_triplet, or into a directory that the suite names by "
    "params {folder: DIRECTORY}"
)


def index(train: int, val: int, test: int, budget: int, folder: str) -> Sequence[Item]:
    """Return the one problem of the dataset; the first time, its pictures are read in full.

    Args:
        train: how many training pairs; ``val`` and ``test`` likewise.
        val: validation pairs.
        test: test pairs.
        budget: examples that a model may train on.
        folder: where the scenes lie; "" for ``$HARNESS_DATA/causal_triplet``.

    Raises:
        Unavailable: the scenes are not on this machine.
        ValueError: they hold fewer pairs, or a file is missing or damaged; one line.
    """
    sizes = sizes_of(train, val, test)
    root = find_folder(_NAME, folder, _REMEDY)
    scenes = sorted(
        (scene for scene in root.glob("proc_*") if scene.is_dir()),
        key=lambda scene: hashlib.sha256(scene.name.encode()).digest(),
    )
    if not scenes:
        raise Unavailable(f"{root} holds no proc_* directory", _REMEDY)
    files, actions, left = [], [], iter(scenes)
    for split in reversed(SPLITS):  # the test scenes first: they stay where there is more to train
        pairs: list[tuple[Path, Path, str]] = []
        while len(pairs) < sizes[split]:
            scene = next(left, None)
            if scene is None:
                raise ValueError(f"{root} holds {len(pairs)} {split} pairs, not {sizes[split]}")
            pairs.extend(_pairs(scene))
        for first, second, action in pairs[: sizes[split]]:
            files += [first, second]
            actions.append(action)
    recipe = {
        "loader": _NAME,
        **sizes,
        "actions": actions,
        "budget": check_whole("budget", budget, 1, 2**62),
    }
    return [published.item_from_files(_NAME, recipe, files)]


def load(item: Item, _data: bytes | None) -> Arrays:
    """Return the problem: the arrays that :mod:`harness_plugins.causal.stages` describes.

    Raises:
        ValueError: a picture is damaged, or not the one of the plan; one line.
    """
    import numpy as np
    from PIL import Image

    files = published.verified(_NAME, item)
    recipe, n = item.meta, len(files) // 2
    x = np.empty((n, 2, published.SIDE, published.SIDE, 3), np.uint8)
    for number, file in enumerate(files):
        with reading(file), Image.open(file, formats=["PNG"]) as image:
            x[number // 2, number % 2] = published.shrink(image)
    z, targets = np.zeros((n, 2, len(VARIABLES))), np.zeros((n, len(VARIABLES)), np.bool_)
    for row, action in enumerate(recipe["actions"]):
        variable, state = _ACTIONS[action]
        z[row, :, variable] = -state, state
        targets[row, variable] = True
    return {
        "x": x,
        "z": z,
        "targets": targets,
        "split": np.repeat(np.uint8([2, 1, 0]), [recipe[split] for split in reversed(SPLITS)]),
        "adjacency": np.zeros((len(VARIABLES), len(VARIABLES)), np.uint8),
        "budget": np.array(recipe["budget"], np.int64),
    }


def _pairs(scene: Path) -> Iterator[tuple[Path, Path, str]]:
    """Yield the pictures before and after of a scene, and the action between them."""
    file = scene / "annotations.csv"
    with reading(file), file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    for row in rows:
        if len(row) != 9:
            raise ValueError(f"{file}: a row of {len(row)} fields; expected 9")
        figure, action = row[2], row[4]
        if action in _PASSED_OVER:
            continue
        if action not in _ACTIONS:
            raise ValueError(f"{file}: unknown action {action!r}")
        first = f"{figure.partition('second')[0]}first"
        yield scene / "color" / f"{first}.png", scene / "color" / f"{figure}.png", action
