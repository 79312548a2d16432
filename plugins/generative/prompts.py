"""Prompts, each with the seed of its sample: what an item of every text-to-image dataset holds.

An item is a block of prompts, sampled in one process as one batch. A seed belongs to a prompt and
a run, not to a block or a model: whatever the size of a block, all models sample the same prompt
from the same seed, so their samples are pairs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from harness.spec import Item, Json

if TYPE_CHECKING:
    from harness_plugins.generative.images import Images

__all__ = ["Prompts", "Source", "blocks", "load", "open_source", "pair_seeds", "prompt_seeds"]


@dataclass(frozen=True)
class Prompts:
    """A block of prompts.

    Attributes:
        prompts: what shall be shown; not empty.
        seeds: of each prompt, 0…2³² − 1, from the seed of the dataset; :func:`pair_seeds` makes
            those of a run of them.
        size: height and width of the images in pixels; None where the model may choose.
        source: where reference images and training data come from: ``{"ref": "module:Class",
            "params": {…}}``, a :class:`Source`; None where there are none.
        categories: of each prompt, by its dataset; empty where there are none.
    """

    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    size: tuple[int, int] | None = None
    source: Mapping[str, Any] | None = None
    categories: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.prompts)


class Source(Protocol):
    """Where reference images come from.

    Optional: ``training() -> dict``, what models of the suite learn from.
    """

    @property
    def signature(self) -> str:
        """How the images are chosen, cropped and resized; a part of metrics' signatures."""
        ...

    def reference(self) -> Iterator[Images]:
        """Yield the reference images, some at a time, all of one size."""
        ...


def open_source(block: Prompts) -> Source:
    """Return what a block's ``source`` names.

    Raises:
        Unavailable: the block names none, or its module cannot be imported.
    """
    from harness.registry import resolve
    from harness.spec import Unavailable

    if block.source is None:
        raise Unavailable("the dataset has no reference images", "name one that has")
    found: Source = resolve(block.source["ref"])(**block.source["params"])
    return found


def prompt_seeds(seed: int, count: int) -> list[int]:
    """Return the seeds of the first ``count`` prompts of a dataset whose seed is ``seed``."""
    return [_drawn("prompt", seed, index) for index in range(count)]


def pair_seeds(block: Prompts, run_seed: int) -> tuple[int, ...]:
    """Return the seed from which each prompt is sampled in a run.

    They follow from the seed of the dataset, the prompt's number in it and the seed of the run,
    and from nothing else. 32 bits, so that every library's generator takes them.
    """
    return tuple(_drawn("run", seed, run_seed) for seed in block.seeds)


def blocks(
    prompts: Sequence[str],
    *,
    seed: int,
    block: int,
    size: Sequence[int] | None = None,
    categories: Sequence[str] = (),
    source: Mapping[str, Any] | None = None,
    places: Mapping[str, Json] | None = None,
) -> list[Item]:
    """Return the items of a dataset: its prompts in their order, ``block`` to an item.

    An item's digest is that of the canonical JSON of all that it holds. Its id is the number of
    its first prompt.

    Args:
        prompts: all of them.
        seed: of the dataset.
        block: prompts in an item; the last may have fewer.
        size: height and width of the images, or None.
        categories: of each prompt, or none.
        source: as :attr:`Prompts.source`; its ``params`` must say by digests what it reads.
        places: further ``params`` of the source that say where it is read on this machine; they
            are part of no digest.

    Raises:
        ValueError: there is no prompt, or a number is out of its range; one line.
    """
    if not prompts:
        raise ValueError("there is no prompt")
    if isinstance(block, bool) or not isinstance(block, int) or block < 1:
        raise ValueError(f"block must be a whole number from 1 on, got {block!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a whole number from 0 on, got {seed!r}")
    seeds = prompt_seeds(seed, len(prompts))
    shared = {"size": _size(size), "source": dict(source) if source else None}
    width = max(4, len(str(len(prompts) - 1)))
    items = []
    for start in range(0, len(prompts), block):
        part = slice(start, start + block)
        held = shared | {
            "prompts": list(prompts[part]),
            "seeds": seeds[part],
            "categories": list(categories[part]),
        }
        text = json.dumps(held, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        items.append(Item(f"p{start:0{width}}", digest, "", held | {"places": dict(places or {})}))
    return items


def load(item: Item, _data: bytes | None) -> Prompts:
    """Return the block that an item of :func:`blocks` holds."""
    held: Mapping[str, Any] = item.meta
    source, size = held["source"], held["size"]
    if source is not None:
        source = {"ref": source["ref"], "params": {**source["params"], **held["places"]}}
    return Prompts(
        tuple(held["prompts"]),
        tuple(held["seeds"]),
        None if size is None else (size[0], size[1]),
        source,
        tuple(held["categories"]),
    )


def _size(given: Sequence[int] | None) -> list[int] | None:
    if given is None:
        return None
    whole = [side for side in given if isinstance(side, int) and not isinstance(side, bool)]
    if len(given) != 2 or len(whole) != 2 or min(whole) < 1:
        raise ValueError(f"size must be height and width in pixels, got {given!r}")
    return whole


def _drawn(what: str, *of: int) -> int:
    text = "/".join([what, *map(str, of)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
