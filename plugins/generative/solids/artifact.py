"""What models make of prompts, lossless: a ZIP of PLY meshes, or of six views each, as PNGs."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import trimesh

from harness.spec import Json
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Diverged, InvalidOutputError
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.solids.hexaview import VIEWS

__all__ = ["Solids", "plain_mesh"]

_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal solids are equal bytes
_ABOUT = "solids.json"
_VIEWS = "views.zip"
_SLACK = 1e-4  # of the volume's half: rounding


@dataclass(frozen=True, eq=False)
class Solids:
    """Solids with what was asked for; as an artifact, its own kind.

    Attributes:
        prompts, seeds: of each solid.
        meshes: of each solid, as :func:`plain_mesh` gives them; empty where there are views.
        views: six of each solid, in the order of ``hexaview.VIEWS``; None where there are meshes.
        settings: how they were made; the same for all.
    """

    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    meshes: tuple[trimesh.Trimesh, ...] = ()
    views: Images | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.prompts)

    @classmethod
    def of(
        cls,
        given: Sequence[Any],
        prompts: Sequence[str],
        seeds: Sequence[int],
        settings: Mapping[str, Json] | None = None,
    ) -> Solids:
        """Return what a model gave for each prompt, checked.

        Args:
            given: meshes, or arrays of six views; all of one kind.
            prompts, seeds: of each.
            settings: how they were made.

        Raises:
            InvalidOutputError: one line: whose it is, what it is and what was expected.
            Diverged: a vertex is NaN or infinite.
        """
        kinds = {isinstance(each, trimesh.Trimesh) for each in given}
        if len(kinds) != 1 or len(given) != len(prompts):
            raise InvalidOutputError(
                f"expected a mesh of each of {len(prompts)} prompts, or six views of each"
            )
        own = (tuple(prompts), tuple(seeds))
        if kinds == {True}:
            meshes = [plain_mesh(m, f"prompt {p!r}") for m, p in zip(given, prompts, strict=True)]
            return cls(*own, meshes=tuple(meshes), settings=settings or {})
        views = [_six(each, f"prompt {p!r}") for each, p in zip(given, prompts, strict=True)]
        if len({each.shape for each in views}) != 1:
            raise InvalidOutputError("views of one size were expected")
        return cls(*own, views=Images.of(np.concatenate(views)), settings=settings or {})

    @staticmethod
    def dump(value: Solids) -> bytes:
        """Return the bytes of a file."""
        about = {
            "prompts": list(value.prompts),
            "seeds": list(value.seeds),
            "settings": dict(value.settings),
            "meshes": len(value.meshes),
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            _write(archive, _ABOUT, json.dumps(about, sort_keys=True, indent=1).encode())
            for number, mesh in enumerate(value.meshes):
                _write(archive, f"{number:05}.ply", mesh.export(file_type="ply"))
            if value.views is not None:
                samples = Samples(value.views, value.prompts, value.seeds, frames=len(VIEWS))
                _write(archive, _VIEWS, Samples.dump(samples))
        return buffer.getvalue()

    @staticmethod
    def load(data: bytes) -> Solids:
        """Return the solids of a file."""
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            about = json.loads(archive.read(_ABOUT))
            meshes = [_mesh(archive.read(f"{n:05}.ply")) for n in range(about["meshes"])]
            views = None if meshes else Samples.load(archive.read(_VIEWS)).images
        return Solids(
            prompts=tuple(about["prompts"]),
            seeds=tuple(about["seeds"]),
            meshes=tuple(meshes),
            views=views,
            settings=about["settings"],
        )


def plain_mesh(mesh: trimesh.Trimesh, what: str = "mesh") -> trimesh.Trimesh:
    """Return a mesh of float32 vertices, its faces and a colour for each, and nothing else.

    Args:
        mesh: inside of the volume [-1, 1]³.
        what: how a fault names it.

    Raises:
        InvalidOutputError: it has no face, a face of a vertex that is not there, or leaves the
            volume.
        Diverged: a vertex is NaN or infinite.
    """
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    if not len(faces):
        raise InvalidOutputError(f"{what}: the mesh has no face")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise InvalidOutputError(
            f"{what}: a face has vertex {faces.max()}, and there are {len(vertices)}"
        )
    if not np.isfinite(vertices).all():
        raise Diverged(f"{what}: a vertex of the mesh is NaN or infinite")
    farthest = float(np.abs(vertices).max())
    if farthest > 1 + _SLACK:
        raise InvalidOutputError(
            f"{what}: the mesh reaches out to {farthest:g}; the volume is [-1, 1] on each axis"
        )
    return trimesh.Trimesh(
        vertices.astype(np.float32), faces, face_colors=_colours(mesh), process=False
    )


def _colours(mesh: trimesh.Trimesh) -> np.ndarray:
    """Return a colour of each face, uint8 (F, 4); of a texture, the mean at the face's corners."""
    if hasattr(mesh.visual, "to_color"):
        at_vertices = mesh.visual.to_color().vertex_colors
        return trimesh.visual.color.vertex_to_face_color(at_vertices, mesh.faces)
    return np.array(mesh.visual.face_colors, np.uint8)


def _six(given: Any, what: str) -> np.ndarray:
    """Return six views, uint8 (6, n, n, 3)."""
    views = np.asarray(given)
    side = views.shape[1] if views.ndim == 4 else 0
    if views.dtype != np.uint8 or views.shape != (len(VIEWS), side, side, 3) or not side:
        raise InvalidOutputError(
            f"{what}: expected a trimesh.Trimesh or six square views, uint8 (6, n, n, 3), "
            f"got {_described(given)}"
        )
    return views


def _described(given: Any) -> str:
    if hasattr(given, "shape") and hasattr(given, "dtype"):
        return f"{given.dtype} {tuple(given.shape)}"
    return type(given).__name__


def _mesh(data: bytes) -> trimesh.Trimesh:
    return trimesh.load_mesh(io.BytesIO(data), file_type="ply", process=False)


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED, compresslevel=6)
