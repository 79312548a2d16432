"""Files of trained networks: found, held against their digests, read.

Imported when a plan is made, so torch is imported only where a file is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data import FileMemo, cache_dir, remembered_sha256, resource_path
from harness.data.cache import find
from harness.errors import nearest
from harness.spec import Json, Resource, Unavailable
from harness_plugins.codec_compressai.weights import ZOO

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Checkpoint", "check", "find_checkpoints", "read_own", "read_zoo"]

Checkpoint = tuple[Path, str]  # where the file lies, and the sha256 the suite gives

_OWNER = "compressai-checkpoint"
_REMEDY = "name it in the suite: params: {checkpoints: [{path: FILE, sha256: DIGEST}]}"
_WRAPPERS = ("network", "state_dict", "model_state_dict")  # what training scripts put it under
# CompressAI once kept the parameters of its entropy bottleneck in lists.
_OLD_NAMES = {"._biases.": "._bias", "._matrices.": "._matrix", "._factors.": "._factor"}


def check(architecture: str, checkpoints: Sequence[Mapping[str, Json]]) -> None:
    """Check, before anything runs, that the files are here and are what the suite says.

    Raises:
        Unavailable: no file is named, or one is not on this machine.
        ValueError: the architecture is unknown, an entry is not ``{path, sha256}``, or a digest
            is missing or wrong; the line says what it is.
    """
    known = {name for name, _ in ZOO}
    if architecture not in known:
        raise ValueError(f"unknown architecture {architecture!r}{nearest(architecture, known)}")
    if not checkpoints:
        raise Unavailable("no checkpoint is named", _REMEDY)
    memo = FileMemo(_OWNER, cache_dir())
    for path, sha256 in find_checkpoints(checkpoints):
        _compare(path, sha256, remembered_sha256(path, memo))
    memo.save()


def find_checkpoints(entries: Sequence[Mapping[str, Json]]) -> list[Checkpoint]:
    """Return where the files of the parameter ``checkpoints`` lie, with their digests.

    A path that is not absolute (``~`` stands for the home folder) is looked for in
    ``$HARNESS_DATA/compressai-checkpoint`` and in the cache's folder of that name, so that a
    suite need not name a folder of one machine.

    Raises:
        Unavailable: a file is not on this machine.
        ValueError: an entry is not ``{path, sha256}``.
    """
    return [_find(entry) for entry in entries]


def read_own(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Return the state of a user's network, by the names CompressAI gives its parts today.

    Raises:
        ValueError: the file is not the one its digest says, or holds no network.
    """
    path, sha256 = checkpoint
    data = path.read_bytes()
    _compare(path, sha256, hashlib.sha256(data).hexdigest())
    return _state(data, path)


def read_zoo(owner: str, resource: Resource) -> dict[str, Tensor]:
    """Return the state of a network of the zoo from the verified file of the model ``owner``.

    Raises:
        Unavailable: it is not on this machine.
        DamagedError: it is, and is not what it should be.
    """
    path = resource_path(owner, resource, remedy=f"harness weights pull {owner}")
    return _state(path.read_bytes(), path)


def _find(entry: object) -> Checkpoint:
    path = entry.get("path") if isinstance(entry, Mapping) else None
    if not isinstance(entry, Mapping) or not isinstance(path, str) or not path:
        raise ValueError(f"checkpoints: expected {{path: FILE, sha256: DIGEST}}, got {entry!r}")
    if unknown := sorted(str(key) for key in entry if key not in ("path", "sha256")):
        raise ValueError(f"checkpoints: unknown key {unknown[0]!r}{nearest(unknown[0], entry)}")
    whole = Path(path).expanduser()
    if whole.is_absolute():
        found = whole if whole.is_file() else None
    else:
        found = find(_OWNER, Resource(name=path, url="", sha256=""))
    if found is None:
        raise Unavailable(f"{path} is not on this machine", _REMEDY)
    return found, str(entry.get("sha256", ""))


def _compare(path: Path, declared: str, found: str) -> None:
    if not declared:
        raise ValueError(f"{path} needs its digest, which is part of every key: sha256: {found}")
    if found != declared:
        raise ValueError(f"{path} is another file: its sha256 is {found}, expected {declared}")


def _state(data: bytes, path: Path) -> dict[str, Tensor]:
    import torch

    try:
        held = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises anything
        line = str(error).strip().partition("\n")[0]
        raise ValueError(f"{path} is no checkpoint of PyTorch: {line}") from error
    wrapper = next((w for w in _WRAPPERS if isinstance(held, dict) and w in held), None)
    state = held if wrapper is None else held[wrapper]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ValueError(f"{path} holds no state of a network")
    return {_today(name): tensor for name, tensor in state.items()}


def _today(name: str) -> str:
    name = name.removeprefix("module.").replace(".downsample.", ".skip.")
    for old, new in _OLD_NAMES.items():
        name = name.replace(old, new)
    return name
