"""Where the files of a pipeline lie, and whether they are what the suite says."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.data.folders import digests
from harness.spec import Json, Unavailable

__all__ = ["check", "folder_digest", "located"]

_OWNER = "diffusion-pipeline"
_COMMIT = 40


def check(
    *,
    id: str,  # noqa: A002 - as the hub calls it
    revision: str,
    folder: str,
    sha256: str,
    dtype: str,
    **_others: Json,
) -> None:
    """Check, before anything runs, that a pipeline is here and is the one that is meant.

    Raises:
        Unavailable: none is named, or it is not on this machine.
        ValueError: it is named twice or not fully; one line, with the digest of a folder.
    """
    if dtype not in ("float32", "float16", "bfloat16"):
        raise ValueError(f"dtype must be float32, float16 or bfloat16, got {dtype!r}")
    located(id, revision, folder, sha256)


def located(id_: str, revision: str, folder: str, sha256: str) -> Path:
    """Return the folder of a pipeline whose content is pinned.

    Raises:
        Unavailable: it is not on this machine.
        ValueError: as :func:`check`.
    """
    if bool(id_) == bool(folder):
        if id_:
            raise ValueError("name a pipeline by id or by folder, not by both")
        raise Unavailable(
            "no pipeline is named",
            "name it in the suite: params: {id: OWNER/NAME, revision: COMMIT}, or {folder: "
            "DIRECTORY, sha256: DIGEST}",
        )
    return _snapshot(id_, revision) if id_ else _folder(folder, sha256)


def _snapshot(id_: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if len(revision) != _COMMIT:
        raise ValueError(
            f"pipeline {id_}: revision must be the commit of its snapshot, 40 hex digits: a name "
            f"like {revision or 'main'!r} means another pipeline tomorrow"
        )
    try:
        return Path(snapshot_download(id_, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        remedy = f"fetch it: hf download {id_} --revision {revision}"
        raise Unavailable(
            f"{id_} at {revision[:8]} is not in the Hugging Face cache", remedy
        ) from None


def _folder(folder: str, sha256: str) -> Path:
    path = Path(folder).expanduser().absolute()
    if not (path / "model_index.json").is_file():
        raise Unavailable(f"{path} is no folder of a pipeline: it has no model_index.json", "")
    found = folder_digest(path)
    if found != sha256:
        said = f"is {found}, the suite says {sha256}" if sha256 else f"must be said: {found}"
        raise ValueError(f"pipeline {path.name}: its sha256 {said}")
    return path


def folder_digest(path: Path) -> str:
    """Return the sha256 over names and sha256 of all files of a folder that a pipeline reads."""
    files = sorted(p for p in path.rglob("*") if p.suffix in _READ and p.is_file())
    lines = [
        f"{sha256}  {file.relative_to(path).as_posix()}\n"
        for file, sha256 in zip(files, digests(_OWNER, files), strict=True)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


_READ = (".json", ".safetensors", ".txt", ".model", ".py")
