"""What the published problems share: items made of files, pictures of 64 × 64.

Pictures are made 64 × 64 by averaging areas (Pillow's ``BOX`` filter), whatever their size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.spec import Item
from harness_plugins.causal.datasets.recipes import item_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["SIDE", "item_from_files", "shrink", "verified"]

SIDE = 64


def item_from_files(name: str, recipe: Mapping[str, Any], files: Sequence[Path]) -> Item:
    """Return the one item of a dataset, whose digest is that of its recipe and of its files.

    Where they lie is no part of it.

    Raises:
        ValueError: a file is not there.
    """
    from harness.data.folders import digests

    return item_of(
        name,
        {**recipe, "digests": digests(name, files)},
        {"files": [str(file) for file in files]},
    )


def verified(dataset: str, item: Item) -> Sequence[Path]:
    """Return an item's files.

    Raises:
        ValueError: they are no longer those of the plan.
    """
    from harness.data.folders import unchanged

    return unchanged(dataset, [Path(file) for file in item.meta["files"]], item.meta["digests"])


def shrink(image: Image) -> NDArray[np.uint8]:
    """Return a picture as (64, 64, 3)."""
    import numpy as np
    from PIL.Image import Resampling

    small = image.convert("RGB").resize((SIDE, SIDE), Resampling.BOX)
    return np.asarray(small, np.uint8)
