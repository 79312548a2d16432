"""Blocks of episodes: the items of every dataset of environments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from harness.spec import Item
from harness_plugins.policy.environments.seeds import episode_seeds

__all__ = ["blocks", "load"]


def blocks(
    environment: str,
    params: Mapping[str, Any],
    simulators: Sequence[str] = (),
    *,
    episodes: int,
    block: int,
    demonstrations: int,
    heldout: int,
    budget: int,
    seed: int,
    content: str = "",
) -> list[Item]:
    """Return the blocks of episodes to evaluate on.

    An item's digest covers all that is in it and the versions of what simulates it, so that
    results of different versions never stand for one another.

    Args:
        environment: its name.
        params: its own, plain JSON.
        simulators: distributions whose versions decide what happens in it.
        episodes: how many to evaluate on.
        block: how many of them are one item: they are played in one process as one batch. The
            last may be smaller.
        demonstrations: episodes of the expert to learn from.
        heldout: further ones to test on.
        budget: transitions that training may look at.
        seed: of all episodes.
        content: digest of recorded data that stands for the parameter ``minari``, a path.

    Raises:
        ValueError: a number is out of its range.
    """
    numbers = {
        "episodes": episodes,
        "block": block,
        "demonstrations": demonstrations,
        "heldout": heldout,
        "budget": budget,
    }
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1 on, got {value!r}")
    seeds = episode_seeds("evaluation", seed, episodes)
    shared = {
        "environment": environment,
        "params": dict(params),
        "seed": seed,
        "demonstrations": demonstrations,
        "heldout": heldout,
        "budget": budget,
        "versions": _versions(simulators),
    }
    starts = range(0, episodes, block)
    width = len(str(len(starts) - 1))
    items = []
    for number, start in enumerate(starts):
        meta = shared | {"seeds": seeds[start : start + block]}
        items.append(Item(f"block{number:0{width}}", _digest(meta, content), "", meta))
    return items


def load(item: Item, _data: bytes | None) -> dict[str, Any]:
    """Return the item as the stages read it; see :mod:`harness_plugins.policy.stages`."""
    return dict(item.meta)


def _digest(meta: Mapping[str, Any], content: str) -> str:
    if content:
        meta = {**meta, "params": {**meta["params"], "minari": content}}
    text = json.dumps(meta, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _versions(simulators: Sequence[str]) -> dict[str, str]:
    """Return the versions of what simulates, and what happens when an episode ends."""
    found = {"autoreset": "disabled"}
    for name in simulators:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
