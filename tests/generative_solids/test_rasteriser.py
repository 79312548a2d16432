"""The rasteriser against ray casting by another algorithm, and against areas that are known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_plugins.generative.solids import rasteriser
from harness_plugins.generative.solids.hexaview import BACKGROUND, VIEWS, silhouettes
from harness_plugins.generative.solids.rasteriser import render


def coloured(mesh, rng):
    colours = rng.integers(0, 200, (len(mesh.faces), 3), dtype=np.uint8)
    mesh.visual.face_colors = np.column_stack([colours, np.full(len(colours), 255, np.uint8)])
    return mesh


def soup(rng, faces):
    """Return triangles in general position."""
    vertices = rng.uniform(-0.95, 0.95, (3 * faces, 3))
    return coloured(trimesh.Trimesh(vertices, np.arange(3 * faces).reshape(-1, 3)), rng)


def cast(mesh, camera, size):
    """Colour the pixels of a view by rays: Möller and Trumbore 1997, one pixel after the other."""
    right, up, forward = np.array(camera, float)
    corner = mesh.triangles[:, 0]
    edge1, edge2 = (mesh.triangles[:, k] - corner for k in (1, 2))
    across = np.cross(forward, edge2)
    determinant = (edge1 * across).sum(1)
    image = np.full((size, size, 3), BACKGROUND, np.uint8)
    for row, column in np.ndindex(size, size):
        u, v = 2 * (column + 0.5) / size - 1, 1 - 2 * (row + 0.5) / size
        origin = u * right + v * up - 4 * forward
        with np.errstate(divide="ignore", invalid="ignore"):
            a = ((origin - corner) * across).sum(1) / determinant
            over = np.cross(origin - corner, edge1)
            b = over @ forward / determinant
            far = (edge2 * over).sum(1) / determinant
        hit = (a >= 0) & (b >= 0) & (a + b <= 1) & np.isfinite(far)
        if hit.any():
            nearest = np.flatnonzero(hit)[far[hit].argmin()]
            image[row, column] = mesh.visual.face_colors[nearest, :3]
    return image


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), faces=st.integers(1, 12))
def test_views_are_those_of_ray_casting(seed, faces):
    mesh = soup(np.random.default_rng(seed), faces)
    views = render(mesh, 12)
    for view, camera in zip(views, VIEWS.values(), strict=True):
        assert np.array_equal(view, cast(mesh, camera, 12))


@pytest.mark.parametrize("form", ["torus", "capsule", "annulus"])
def test_solids_of_trimesh_too(form, rng):
    mesh = {
        "torus": lambda: trimesh.creation.torus(0.6, 0.25, 16, 12),
        "capsule": lambda: trimesh.creation.capsule(0.7, 0.3, (10, 10)),
        "annulus": lambda: trimesh.creation.annulus(0.3, 0.7, 0.5),
    }[form]()
    mesh.apply_transform(trimesh.transformations.random_rotation_matrix(rng.random(3)))
    coloured(mesh, rng)
    views = render(mesh, 16)
    found = [cast(mesh, camera, 16) for camera in VIEWS.values()]
    assert np.mean(np.any(views != np.stack(found), axis=-1)) < 0.005  # centres on shared edges


@pytest.mark.parametrize(
    ("mesh", "areas"),
    [
        (trimesh.creation.box(extents=(1, 1.2, 1.6)), [1.6, 1.6, 1.92, 1.92, 1.2, 1.2]),
        (trimesh.creation.icosphere(subdivisions=5, radius=0.8), [np.pi * 0.64] * 6),
        (
            trimesh.creation.cylinder(radius=0.5, height=1.4, sections=256),
            [1.4] * 4 + [np.pi * 0.25] * 2,
        ),
        (
            trimesh.creation.cone(radius=0.8, height=0.9, sections=256),
            [0.72] * 4 + [np.pi * 0.64] * 2,
        ),
    ],
)
def test_silhouettes_have_the_areas_that_geometry_says(mesh, areas):
    mesh.visual.face_colors = (200, 30, 30, 255)
    size = 256
    measured = silhouettes(render(mesh, size)).sum(axis=(1, 2)) * (2 / size) ** 2
    assert measured == pytest.approx(areas, rel=0.01)


def test_a_sphere_is_a_disc_pixel_by_pixel():
    mesh = trimesh.creation.icosphere(subdivisions=6, radius=0.7)
    mesh.visual.face_colors = (0, 0, 0, 255)
    at = (np.arange(40) + 0.5) / 20 - 1
    away = np.hypot(at[:, None], at)
    sure = np.abs(away - 0.7) > 0.003  # the facets of the sphere lie a little within it
    for seen in silhouettes(render(mesh, 40)):
        assert np.array_equal(seen[sure], (away < 0.7)[sure])


def test_the_nearer_face_hides_the_other_from_either_side():
    near = trimesh.creation.box(extents=(0.5, 0.1, 0.5)).apply_translation((0, -0.5, 0))
    far = trimesh.creation.box(extents=(1, 0.1, 1)).apply_translation((0, 0.5, 0))
    near.visual.face_colors, far.visual.face_colors = (255, 0, 0, 255), (0, 0, 255, 255)
    for order in ([near, far], [far, near]):
        front, back = render(trimesh.util.concatenate(order), 20)[:2]
        assert front[10, 10].tolist() == [255, 0, 0]
        assert front[6, 10].tolist() == [0, 0, 255]
        assert (back[10, 10] == back[6, 10]).all()


def test_winding_does_not_matter(rng):
    mesh = soup(rng, 8)
    turned = trimesh.Trimesh(mesh.vertices, mesh.faces[:, ::-1], process=False)
    turned.visual.face_colors = mesh.visual.face_colors
    assert np.array_equal(render(mesh, 16), render(turned, 16))


def test_what_lies_outside_of_the_frame_is_cut_off(rng):
    mesh = coloured(trimesh.creation.box(extents=(8, 8, 8)), rng)
    assert silhouettes(render(mesh, 9)).all()
    mesh.apply_translation((20, 20, 20))
    assert not silhouettes(render(mesh, 9)).any()


def test_many_pairs_are_done_in_parts_with_the_same_result(rng, monkeypatch):
    mesh = soup(rng, 40)
    whole = render(mesh, 24)
    monkeypatch.setattr(rasteriser, "_AT_ONCE", 100)
    assert np.array_equal(render(mesh, 24), whole)


def test_nothing_is_seen_of_faces_without_area():
    flat = trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)
    assert not silhouettes(render(flat, 8)).any()
