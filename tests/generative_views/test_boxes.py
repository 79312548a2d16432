"""Pictures of boxes: what is seen, by triangles and by marching; how it is shaded and averaged."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from harness_plugins.generative.views import boxes
from harness_plugins.generative.views.boxes import COLOURS, Box, draw_object, hits, render
from harness_plugins.generative.views.cameras import around, pinhole, rays

K = pinhole(30.0, 24)


def scene(seed):
    rng = np.random.default_rng(seed)
    pose = around(rng.uniform(0, 360), rng.uniform(-60, 60), 2.0)
    return draw_object(rng), pose


def by_triangles(objects, origin, ways):
    """Return depth, box and normal of the first triangle that each ray meets.

    Möller and Trumbore, "Fast, minimum storage ray-triangle intersection", 1997.
    """
    best, which = np.full(len(ways), np.inf), np.full(len(ways), -1)
    normals = np.zeros_like(ways)
    for number, box in enumerate(objects):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = box.axes, box.centre
        mesh = trimesh.creation.box(extents=2 * np.array(box.half), transform=pose)
        for (a, b, c), normal in zip(mesh.triangles, mesh.face_normals, strict=True):
            p = np.cross(ways, c - a)
            det = p @ (b - a)
            with np.errstate(divide="ignore", invalid="ignore"):
                u = p @ (origin - a) / det
                q = np.cross(origin - a, b - a)
                v = ways @ q / det
                t = (c - a) @ q / det
            met = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0) & (t < best)
            best[met], which[met], normals[met] = t[met], number, normal
    return best, which, normals


@pytest.mark.parametrize("seed", range(8))
def test_rays_meet_what_the_triangles_of_the_boxes_say(seed):
    objects, pose = scene(seed)
    ways = rays(pose, K, (24, 24), 2).reshape(-1, 3)
    depth, box, normal = hits(objects, pose[:3, 3], ways)
    expected, which, normals = by_triangles(objects, pose[:3, 3], ways)
    assert np.isfinite(expected).mean() > 0.03
    np.testing.assert_allclose(depth, expected, atol=1e-9)
    # Two boxes touch where they do: at one depth either may be said.
    lone = which >= 0
    np.testing.assert_array_equal(box[lone], which[lone])
    np.testing.assert_allclose(normal[lone], normals[lone], atol=1e-9)
    assert (box[~lone] == -1).all()


@pytest.mark.parametrize("seed", range(4))
def test_rays_meet_what_marching_finds(seed):
    """Walk along each ray in small steps until a point lies in a box."""
    objects, pose = scene(100 + seed)
    origin = pose[:3, 3]
    ways = rays(pose, pinhole(30.0, 12), (12, 12)).reshape(-1, 3)
    step = 1e-3
    along = np.arange(1.4, 2.6, step)
    points = origin + along[None, :, None] * ways[:, None]
    inside = np.zeros(points.shape[:2], bool)
    for box in objects:
        local = (points - box.centre) @ box.axes
        inside |= (np.abs(local) <= box.half).all(axis=-1)
    marched = np.where(inside.any(axis=1), along[inside.argmax(axis=1)], np.inf)
    depth, _, _ = hits(objects, origin, ways)
    both = np.isfinite(marched) & np.isfinite(depth)
    assert (np.abs(marched[both] - depth[both]) <= step).all()
    # A ray that cuts a corner over less than a step is met, and not found by marching.
    assert (np.isfinite(marched) & ~np.isfinite(depth)).sum() == 0
    assert (np.isfinite(depth) & ~np.isfinite(marched)).sum() <= 1


def test_a_ray_within_a_plane_of_a_box_is_inside_of_it():
    box = Box((0, 0, 0), (0.1, 0.1, 0.1), 0.0, 0)
    origin, ways = np.array([2.0, 0.1, 0.0]), np.array([[-1.0, 0, 0], [0, 0, -1.0]])
    depth, found, normal = hits((box,), origin, ways)
    assert depth.tolist() == [pytest.approx(1.9), np.inf]
    assert found.tolist() == [0, -1]
    assert normal[0].tolist() == [1, 0, 0]


def test_the_nearer_box_hides_the_farther():
    near, far = Box((0.3, 0, 0), (0.1,) * 3, 0.0, 1), Box((-0.3, 0, 0), (0.1,) * 3, 0.0, 2)
    picture = render((far, near), around(0, 0, 2), K, 24)
    lit = 0.55 + 0.45 * 0.36
    assert picture[12, 12].tolist() == np.rint(np.array(COLOURS[1]) * lit).tolist()


def test_faces_are_lit_by_lamberts_law():
    """A cube from above its corner shows three faces, each of one shade."""
    cube = Box((0, 0, 0), (0.2, 0.2, 0.2), 0.0, 2)
    picture = render((cube,), around(45, 35, 2), K, 24, samples=1)
    shades = {tuple(p) for p in picture.reshape(-1, 3).tolist()} - {(255, 255, 255)}
    paint = np.array(COLOURS[2])
    lights = [0.55 + 0.45 * cosine for cosine in (0.36, 0.48, 0.80)]
    assert shades == {tuple(np.rint(paint * light).astype(int).tolist()) for light in lights}
    behind = render((cube,), around(225, -35, 2), K, 24, samples=1)
    dark = tuple(np.rint(paint * 0.55).astype(int).tolist())
    assert {tuple(p) for p in behind.reshape(-1, 3).tolist()} == {dark, (255, 255, 255)}


def test_a_pixel_is_the_mean_of_its_rays():
    objects, pose = scene(3)
    fine = render(objects, pose, pinhole(30.0, 72), 72, samples=1).astype(float)
    means = fine.reshape(24, 3, 24, 3, 3).mean(axis=(1, 3))
    assert np.abs(render(objects, pose, K, 24, samples=3) - means).max() <= 1  # of roundings


def test_more_rays_change_edges_alone():
    objects, pose = scene(5)
    few, many = (render(objects, pose, K, 24, samples=s).astype(int) for s in (3, 9))
    assert np.abs(few - many).mean() < 1
    assert (few == many).all(axis=-1).mean() > 0.7


@pytest.mark.parametrize("seed", range(30))
def test_objects_have_1_to_4_boxes_of_different_colours_within_the_ball(seed):
    objects, _ = scene(seed)
    assert 1 <= len(objects) <= 4
    assert len({box.colour for box in objects}) == len(objects)
    for box in objects:
        corners = np.array(np.meshgrid(*[(-h, h) for h in box.half])).reshape(3, 8).T
        assert np.linalg.norm(corners @ box.axes.T + box.centre, axis=1).max() <= boxes.RADIUS
    for box in objects[1:]:  # each touches the first one, and is not in it
        local = (np.array(box.centre) - objects[0].centre) @ objects[0].axes
        gap = np.abs(local) - np.array(box.half) - objects[0].half
        assert gap.max() == pytest.approx(0, abs=1e-12)


def test_every_number_of_boxes_is_drawn():
    assert {len(scene(seed)[0]) for seed in range(40)} == {1, 2, 3, 4}


def test_colours_are_far_from_white_in_any_light():
    lit = np.array(COLOURS) * 1.0
    assert (255 - lit).max(axis=1).min() >= 150
