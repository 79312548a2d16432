"""Solids as files, and what models may not give."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness_plugins.generative.interface import Diverged, InvalidOutputError
from harness_plugins.generative.solids.artifact import Solids, plain_mesh


def soup(seed, faces):
    rng = np.random.default_rng(seed)
    mesh = trimesh.Trimesh(rng.uniform(-1, 1, (3 * faces, 3)), np.arange(3 * faces).reshape(-1, 3))
    mesh.visual.face_colors = rng.integers(0, 256, (faces, 4), dtype=np.uint8)
    return mesh


def same(a, b):
    return (
        np.array_equal(a.vertices, b.vertices)
        and np.array_equal(a.faces, b.faces)
        and np.array_equal(a.visual.face_colors, b.visual.face_colors)
    )


@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4), seed=st.integers(0, 10**6))
def test_meshes_are_lossless_and_equal_meshes_equal_bytes(sizes, seed):
    meshes = [soup(seed + n, faces) for n, faces in enumerate(sizes)]
    prompts = [f"thing {n} “é”" for n in range(len(sizes))]
    solids = Solids.of(meshes, prompts, range(len(sizes)), {"steps": 3})
    data = Solids.dump(solids)
    kept = Solids.load(data)
    assert all(same(a, b) for a, b in zip(kept.meshes, solids.meshes, strict=True))
    assert (kept.prompts, kept.seeds, kept.settings) == (
        tuple(prompts),
        tuple(range(len(sizes))),
        {"steps": 3},
    )
    assert Solids.dump(kept) == data
    assert len(kept) == len(sizes)


def test_views_are_lossless(rng):
    given_views = [rng.integers(0, 256, (6, 5, 5, 3), dtype=np.uint8) for _ in range(3)]
    solids = Solids.of(given_views, ["a", "b", "c"], [1, 2, 3])
    kept = Solids.load(Solids.dump(solids))
    assert kept.meshes == ()
    assert np.array_equal(kept.views.bytes_(), np.concatenate(given_views))


def test_a_file_holds_meshes_that_others_read(made):
    solids = Solids.of([made("red cube"), made("blue cone")], ["red cube", "blue cone"], [0, 1])
    with zipfile.ZipFile(io.BytesIO(Solids.dump(solids))) as archive:
        assert archive.namelist() == ["solids.json", "00000.ply", "00001.ply"]
        cube = trimesh.load_mesh(io.BytesIO(archive.read("00000.ply")), file_type="ply")
    assert cube.is_volume
    assert cube.visual.face_colors[0, :3].tolist() == [220, 40, 40]


def test_colours_of_vertices_and_textures_become_those_of_faces():
    cube = trimesh.creation.box()
    cube.visual.vertex_colors = np.tile(np.array([10, 20, 30, 255], np.uint8), (8, 1))
    assert plain_mesh(cube).visual.face_colors[5].tolist() == [10, 20, 30, 255]
    picture = Image.new("RGB", (4, 4), (200, 100, 0))
    uv = np.full((8, 2), 0.5)
    cube.visual = trimesh.visual.TextureVisuals(uv=uv, image=picture)
    assert plain_mesh(cube).visual.face_colors[0, :3].tolist() == [200, 100, 0]


def test_a_mesh_without_colours_is_grey():
    assert len(np.unique(plain_mesh(trimesh.creation.box()).visual.face_colors[:, :3])) == 1


def broken(vertices=((0, 0, 0), (1, 0, 0), (0, 1, 0)), faces=((0, 1, 2),)):
    return trimesh.Trimesh(
        np.array(vertices, float), np.array(faces, int).reshape(-1, 3), process=False
    )


@pytest.mark.parametrize(
    ("given_solid", "fault", "outcome"),
    [
        (broken(faces=()), "prompt 'p': the mesh has no face", "invalid"),
        (
            broken(((np.nan, 0, 0), (1, 0, 0), (0, 1, 0))),
            "prompt 'p': a vertex of the mesh is NaN or infinite",
            "nonfinite",
        ),
        (
            broken(((np.inf, 0, 0), (1, 0, 0), (0, 1, 0))),
            "a vertex of the mesh is NaN or infinite",
            "nonfinite",
        ),
        (
            broken(((0, 0, 0), (1.5, 0, 0), (0, 1, 0))),
            r"reaches out to 1.5; the volume is \[-1, 1\]",
            "invalid",
        ),
        (broken(faces=((0, 1, 7),)), "a face has vertex 7, and there are 3", "invalid"),
        (
            np.zeros((5, 8, 8, 3), np.uint8),
            r"expected a trimesh.Trimesh or six square views, .*, got uint8 \(5, 8, 8, 3\)",
            "invalid",
        ),
        (np.zeros((6, 8, 8, 3)), r"got float64 \(6, 8, 8, 3\)", "invalid"),
        (np.zeros((6, 8, 9, 3), np.uint8), r"got uint8 \(6, 8, 9, 3\)", "invalid"),
        (np.zeros((6, 8, 8, 4), np.uint8), r"got uint8 \(6, 8, 8, 4\)", "invalid"),
        (np.zeros((6, 0, 0, 3), np.uint8), r"got uint8 \(6, 0, 0, 3\)", "invalid"),
        ("a mesh", "got str", "invalid"),
        (None, "got NoneType", "invalid"),
    ],
)
def test_what_is_no_solid_is_told_in_one_line(given_solid, fault, outcome):
    with pytest.raises((InvalidOutputError, Diverged), match=fault) as raised:
        Solids.of([given_solid], ["p"], [0])
    assert raised.value.outcome == outcome
    assert "\n" not in str(raised.value)


def test_a_model_gives_one_kind_and_one_size(made):
    views = np.zeros((6, 8, 8, 3), np.uint8)
    with pytest.raises(InvalidOutputError, match="a mesh of each of 2 prompts, or six views"):
        Solids.of([made("red cube"), views], ["a", "b"], [0, 1])
    with pytest.raises(InvalidOutputError, match="views of one size were expected"):
        Solids.of([views, views[:, :4, :4]], ["a", "b"], [0, 1])
    with pytest.raises(InvalidOutputError, match="a mesh of each of 2 prompts"):
        Solids.of([views], ["a", "b"], [0, 1])
