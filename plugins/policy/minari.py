"""Episodes in the format of Minari, the standard for recorded demonstrations.

A dataset is a folder with ``metadata.json`` and the data beside it, which the package ``minari``
reads and writes; it is never downloaded here. What the expert alone knew is not written: who
reads such a file learns from what an imitator may see.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from harness.spec import Unavailable
from harness_plugins.policy.environments.protocol import Array

__all__ = ["digest", "find", "read", "write"]

_METADATA = "metadata.json"
_Described = Mapping[str, Any]


def find(name: str) -> Path:
    """Return the folder of a dataset, given by its path or by its Minari id.

    Raises:
        Unavailable: there is no such dataset on this machine.
    """
    default = Path("~/.minari/datasets").expanduser()
    root = Path(os.environ.get("MINARI_DATASETS_PATH") or default)
    for folder in (Path(name).expanduser(), root / name):
        for place in (folder, folder / "data"):
            if (place / _METADATA).is_file():
                return place.absolute()
    raise Unavailable(
        f"there is no Minari dataset {name!r} here, neither as a folder nor under {root}",
        f"run: minari download {name}" if "-v" in name else "",
    )


def digest(folder: Path) -> str:
    """Return the sha256 of all files of a dataset, with their names.

    Raises:
        ValueError: a file cannot be read.
    """
    import hashlib

    from harness.data import FileMemo, cache_dir, remembered_sha256

    memo = FileMemo("minari", cache_dir())
    total = hashlib.sha256()
    try:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = file.relative_to(folder).as_posix()
            total.update(f"{name}\0{remembered_sha256(file, memo)}\n".encode())
    except OSError as error:
        raise ValueError(f"{folder}: {error.strerror}") from None
    memo.save()
    return total.hexdigest()


def read(
    folder: Path, environment: _Described, which: Sequence[int], first: tuple[int, int] = (0, 0)
) -> dict[str, Array]:
    """Read episodes as the stages keep them.

    Args:
        folder: of the dataset.
        environment: ``observation``, ``action`` and ``horizon`` that the episodes must fit.
        which: numbers of the episodes.
        first: what discrete observations and actions begin with in the file; here with 0.

    Returns:
        ``observations`` (E, T, ...), ``actions`` (E, T) or (E, T, a), ``rewards`` (E, T) float64,
        NaN after the end, ``lengths`` (E,) int64, ``terminated`` (E,) bool,
        ``final_observations`` (E, ...), ``seeds`` (E,) int64, -1 where none was recorded.

    Raises:
        ValueError: it holds fewer episodes, longer ones, or of another form.
    """
    from minari.dataset.minari_storage import MinariStorage

    storage = MinariStorage.read(folder)
    if max(which, default=-1) >= storage.total_episodes:
        raise ValueError(
            f"{folder} holds {storage.total_episodes} episodes, {max(which) + 1} are asked for"
        )
    seeds = [m.get("seed") for m in storage.get_episode_metadata(which)]
    kept = _empty(environment, len(which))
    kept["seeds"][:] = [-1 if seed is None else seed for seed in seeds]
    for place, episode in enumerate(storage.get_episodes(which)):
        steps = len(episode["rewards"])
        name = f"{folder}, episode {which[place]}"
        if not 1 <= steps <= environment["horizon"]:
            raise ValueError(f"{name}: {steps} steps, expected 1…{environment['horizon']}")
        seen = _fitting(name, "observations", episode["observations"], environment, first[0])
        done = _fitting(name, "actions", episode["actions"], environment, first[1])
        kept["observations"][place, :steps] = seen[:steps]
        kept["final_observations"][place] = seen[steps]
        kept["actions"][place, :steps] = done[:steps]
        kept["rewards"][place, :steps] = episode["rewards"]
        kept["lengths"][place] = steps
        kept["terminated"][place] = bool(episode["terminations"][-1])
    return kept


def write(
    folder: Path,
    dataset_id: str,
    episodes: Mapping[str, Array],
    environment: _Described,
    **about: str,
) -> None:
    """Write episodes as a Minari dataset.

    Args:
        folder: for the dataset; must not hold one. ``ROOT/ID/data``, with ROOT Minari's own
            folder, is where ``minari.load_dataset(ID)`` looks.
        dataset_id: as Minari has it, e.g. ``"lander/heuristic-v0"``.
        episodes: as the artifact ``trajectories``, or as :func:`read` returns them.
        environment: ``observation`` and ``action``, as in the artifact ``environment``.
        about: ``author``, ``author_email``, ``algorithm_name``, ``description``,
            ``code_permalink``.

    Raises:
        ValueError: there is a dataset already, or ``about`` holds other words.
    """
    from minari.data_collector.episode_buffer import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    known = {"author", "author_email", "algorithm_name", "description", "code_permalink"}
    if unknown := sorted(set(about) - known):
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(sorted(known))}")
    folder.mkdir(parents=True, exist_ok=True)
    seen, done = _spaces(environment)
    storage = MinariStorage.new(folder, seen, done, jpeg_encoding=False)
    sets = {name: {about.pop(name)} for name in ("author", "author_email") if name in about}
    storage.update_metadata(
        {"dataset_id": dataset_id, "minari_version": version("minari"), **about, **sets}
    )
    buffers = []
    for place, steps in enumerate(episodes["lengths"].tolist()):
        ended = bool(episodes["terminated"][place])
        final = episodes["final_observations"][place][None]
        before = [False] * (steps - 1)
        buffers.append(
            EpisodeBuffer(
                id=place,
                seed=int(episodes["seeds"][place]),
                observations=list(
                    np.concatenate([episodes["observations"][place, :steps], final])
                ),
                actions=list(episodes["actions"][place, :steps]),
                rewards=episodes["rewards"][place, :steps].tolist(),
                terminations=[*before, ended],
                truncations=[*before, not ended],
            )
        )
    storage.update_episodes(buffers)


def _empty(environment: _Described, count: int) -> dict[str, Array]:
    observation, action, horizon = (
        environment[name] for name in ("observation", "action", "horizon")
    )
    seen = np.dtype(observation["dtype"])
    return {
        "observations": np.zeros((count, horizon, *observation["shape"]), seen),
        "final_observations": np.zeros((count, *observation["shape"]), seen),
        "actions": np.zeros((count, horizon), np.int64)
        if "n" in action
        else np.zeros((count, horizon, *action["shape"]), np.float32),
        "rewards": np.full((count, horizon), np.nan),
        "lengths": np.zeros(count, np.int64),
        "terminated": np.zeros(count, bool),
        "seeds": np.zeros(count, np.int64),
    }


def _fitting(name: str, part: str, found: Any, environment: _Described, first: int) -> Array:
    """Return observations or actions of an episode if they are those of the environment."""
    described = environment[part.removesuffix("s")]
    shape, values = tuple(described.get("shape", ())), np.asarray(found)
    if values.dtype.hasobject or values.shape[1:] != shape:
        raise ValueError(f"{name}: {part} of shape {values.shape[1:]}, expected {shape}")
    if "n" not in described:
        return values
    values = values - first
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= described["n"]:
        raise ValueError(f"{name}: {part} that are not in 0…{described['n'] - 1}")
    return values


def _spaces(environment: _Described) -> tuple[Any, Any]:
    from gymnasium.spaces import Box, Discrete

    seen, done = environment["observation"], environment["action"]
    if "n" in seen:
        observations: Any = Discrete(seen["n"])
    elif seen["dtype"] == "uint8":
        observations = Box(0, 255, tuple(seen["shape"]), np.uint8)
    else:
        observations = Box(-np.inf, np.inf, tuple(seen["shape"]), np.float32)
    if "n" in done:
        return observations, Discrete(done["n"])
    low, high = (np.asarray(done[end], np.float32) for end in ("low", "high"))
    return observations, Box(low, high, tuple(done["shape"]), np.float32)
