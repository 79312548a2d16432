"""The grammar, and the meshes that are built of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.solids.primitives import build
from harness_plugins.generative.solids.scenes import COLOURS, every_scene, parse

EVERY = every_scene()


def test_there_are_400_scenes_and_each_has_its_prompt():
    prompts = [str(scene) for scene in EVERY]
    assert len(set(prompts)) == len(EVERY) == 16 + 2 * 16 * 12
    assert [parse(prompt) for prompt in prompts] == EVERY
    assert "blue sphere on a green cube" in prompts


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("rad cube", r"prompt 'rad cube': unknown colour 'rad' \(did you mean 'red'\?\)"),
        ("red cubes", r"unknown shape 'cubes' \(did you mean 'cube'\?\)"),
        ("red cube beneath a blue cube", "unknown relation 'beneath'"),
        ("red cube on a red sphere", "the two primitives need different colours"),
        ("red cube on the blue cube", "expected 'red cube' or 'red cube on a blue sphere'"),
        ("red", "expected 'red cube'"),
        ("", "expected 'red cube'"),
    ],
)
def test_what_is_not_of_the_grammar_is_told_in_one_line(prompt, fault):
    with pytest.raises(ValueError, match=fault) as raised:
        parse(prompt)
    assert "\n" not in str(raised.value)


@given(text=st.text(max_size=30))
def test_any_other_text_is_refused_by_value_errors_alone(text):
    try:
        assert str(parse(text)) == " ".join(text.split())
    except ValueError:
        pass


@given(scene=st.sampled_from(EVERY), seed=st.integers(0, 10**6))
def test_meshes_are_volumes_in_the_middle_of_the_room(scene, seed):
    mesh = build(scene, np.random.default_rng(seed))
    assert mesh.is_volume
    assert np.abs(mesh.bounds).max() < 0.95
    assert np.allclose(mesh.bounds.mean(axis=0), 0, atol=1e-6)
    colours = {tuple(c) for c in mesh.visual.face_colors[:, :3].tolist()}
    assert colours == {COLOURS[p.colour] for p in scene.primitives}
    assert mesh.body_count == len(scene.primitives)


@given(seed=st.integers(0, 10**6))
def test_two_primitives_stand_as_they_should(seed):
    rng = np.random.default_rng(seed)
    above, below = build(parse("red cube on a blue sphere"), rng).split()
    if above.bounds[0, 2] < below.bounds[0, 2]:
        above, below = below, above
    assert above.bounds[0, 2] == pytest.approx(below.bounds[1, 2])
    assert 0.62 <= above.extents[2] / below.extents[2] <= 0.7
    one, other = build(parse("red cone beside a blue cylinder"), rng).split()
    if one.bounds[0, 0] > other.bounds[0, 0]:
        one, other = other, one
    assert -1e-6 <= other.bounds[0, 0] - one.bounds[1, 0] <= 0.0401
    assert one.bounds[0, 2] == pytest.approx(other.bounds[0, 2])


def test_the_first_stands_at_either_side():
    sides = set()
    for seed in range(12):
        mesh = build(parse("red cube beside a blue cube"), np.random.default_rng(seed))
        red = (mesh.visual.face_colors[:, :3] == COLOURS["red"]).all(axis=1)
        sides.add(bool(mesh.triangles_center[red, 0].mean() < 0))
    assert sides == {True, False}


def test_the_same_seed_builds_the_same():
    a, b = (build(EVERY[100], np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(a.vertices, b.vertices)
