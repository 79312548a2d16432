"""Prompts from a file of the user's: DrawBench's CSV, PartiPrompts' TSV, or a prompt a line.

By the file's name:

``.csv``
    comma-separated, quoted where needed, with a header that has ``Prompts`` or ``Prompt``, and
    may have ``Category``; DrawBench (Saharia et al. 2022) is published so
``.tsv``
    tab-separated with such a header; quotation marks are part of the text, as in PartiPrompts
    (Yu et al. 2022), where one prompt begins with one
``.txt``
    a prompt a line

Other columns are passed over. White space at the ends of a prompt is dropped. The file is UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.errors import nearest
from harness.spec import Item
from harness_plugins.generative.datasets import image_folder, pictures
from harness_plugins.generative.datasets.tables import read_table, read_text
from harness_plugins.generative.prompts import blocks, load

__all__ = ["index", "load", "read_prompts"]

_PROMPT, _CATEGORY = ("Prompts", "Prompt"), "Category"
_KINDS = (".csv", ".tsv", ".txt")


def index(path: str, seed: int, size: int | None, block: int, reference: str) -> list[Item]:
    """Return the prompts of a file, ``block`` to an item, in the order of the file.

    Args:
        path: of the file; ``~`` is the home directory.
        seed: of the prompts' seeds.
        size: side of the images that are asked for, in pixels, and of the reference images; None
            where the model may choose, and reference images are used as they are.
        block: prompts of an item.
        reference: a folder of reference images, or "".

    Raises:
        ValueError: one line: the file cannot be read, or ``FILE:LINE:`` what is wrong there.
    """
    if not path:
        raise ValueError("a file of prompts is needed: give it params {path: FILE}")
    side = pictures.check_size(size)
    prompts, categories = read_prompts(Path(path).expanduser())
    source, places = image_folder.describe(reference, side) if reference else (None, None)
    return blocks(
        prompts,
        seed=seed,
        block=block,
        size=None if side is None else (side, side),
        categories=categories,
        source=source,
        places=places,
    )


def read_prompts(path: Path) -> tuple[list[str], list[str]]:
    """Return the prompts of a file, and the category of each or none.

    Raises:
        ValueError: the file is not there or no text, or ``FILE:LINE:`` what is wrong there.
    """
    if path.suffix.lower() not in _KINDS:
        raise ValueError(f"{path} is no file of prompts by its name: expected {', '.join(_KINDS)}")
    rows = _lines(read_text(path)) if path.suffix.lower() == ".txt" else _table(path)
    prompts, categories = [], []
    for line, prompt, category in rows:
        if not prompt.strip():
            raise ValueError(f"{path}:{line}: the prompt is empty")
        prompts.append(prompt.strip())
        categories.append(category.strip())
    if not prompts:
        raise ValueError(f"{path}: there is no prompt in it")
    return prompts, categories if any(categories) else []


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        yield number, line, ""


def _table(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield each row's line, prompt and category."""
    columns, rows = read_table(path)
    prompt = [name for name in _PROMPT if name in columns]
    if len(prompt) != 1:
        near = next(filter(None, (nearest(name, _PROMPT) for name in columns)), "")
        raise ValueError(
            f"{path}:1: expected one column 'Prompts' or 'Prompt', got {columns}{near}"
        )
    for line, row in rows:
        yield line, row[prompt[0]], row.get(_CATEGORY, "")
