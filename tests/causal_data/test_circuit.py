"""The circuit: its mechanisms, what pictures show of the variables, how fast they are drawn."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.causal import stages
from harness_plugins.causal.datasets import circuit
from harness_plugins.causal.datasets.render import BUTTONS, render

RED, GREEN, BLUE, ARM = range(4)
CHILDREN = {RED: {RED}, GREEN: {GREEN, RED}, BLUE: {BLUE, RED}, ARM: {RED, GREEN, BLUE, ARM}}
unit = st.floats(0.01, 1)


@pytest.fixture(scope="module")
def found():
    return circuit.load(circuit.index(1, 1500, 20, 300, 7, 5)[0], None)


def one(arm, *lights):
    return render(np.array([arm]), np.array([lights], np.float64))[0].astype(int)


def test_form(found):
    assert set(found) == {"x", "z", "noise", "targets", "split", "adjacency", "budget"}
    assert (found["x"].shape, found["x"].dtype) == ((1820, 2, 64, 64, 3), np.uint8)
    assert found["x"].flags.c_contiguous
    assert (found["z"].shape, found["z"].dtype) == ((1820, 2, 4), np.float64)
    assert found["noise"].shape == found["z"].shape
    assert (found["targets"].shape, found["targets"].dtype) == ((1820, 4), np.bool_)
    assert np.bincount(found["split"]).tolist() == [1500, 20, 300]
    assert {tuple(e) for e in np.argwhere(found["adjacency"])} == set(circuit.EDGES)
    given = stages.observe(None, {"problem": found}, {}, None)
    assert given["test"]["x_after"].shape == (300, 64, 64, 3)
    assert int(given["train"]["budget"]) == 7


def test_problems_have_samples_of_their_own():
    a, b = circuit.index(2, 5, 1, 1, 7, 5)
    assert a.sha256 != b.sha256
    assert not np.array_equal(circuit.load(a, None)["z"], circuit.load(b, None)["z"])


def test_ranges(found):
    z, noise = found["z"], found["noise"]
    assert z.min() > 0
    assert z.max() <= 1
    assert noise.min() >= 0
    assert noise.max() <= 1
    quarters = np.array([0.25, 0.5, 0.75])
    assert np.abs(np.quantile(noise[:, 0], quarters, axis=0).T - quarters).max() < 0.06


def test_an_intervention_changes_its_target_and_what_follows_from_it(found):
    z, targets = found["z"], found["targets"]
    changed = z[:, 0] != z[:, 1]
    for j, after in CHILDREN.items():
        hit = targets[:, j]
        assert abs(hit.mean() - 0.2) < 5 * np.sqrt(0.16 / len(hit))
        assert changed[hit, j].all()
        for other in range(4):
            share = changed[hit, other].mean()
            assert share > 0.5 if other in after else share == 0
        values = z[hit, 1, j]
        assert abs(values.mean() - 0.5) < 5 * np.sqrt(1 / 12 / hit.sum())
    none = ~targets.any(axis=1)
    assert not changed[none].any()
    assert np.array_equal(found["x"][none, 0], found["x"][none, 1])


def test_the_noise_gives_the_variables_without_an_intervention(found):
    free = np.zeros((len(found["z"]), 4), bool)
    for half in range(2):
        again, _ = circuit._solve(found["noise"][:, half], found["noise"][:, half], free)
        np.testing.assert_allclose(again, found["z"][:, half], rtol=1e-6, atol=1e-9)
    kept = ~found["targets"]
    assert np.array_equal(found["noise"][:, 0][kept], found["noise"][:, 1][kept])


@given(unit, unit, unit, unit)
def test_a_pressed_button_or_a_light_above_makes_a_light_brighter(red, green, blue, arm):
    def solve(place, u):
        noise = np.array([[*u, place]])
        return circuit._solve(noise, noise, np.zeros((1, 4), bool))[0][0]

    away = 0.325  # on the edges of red's and green's buttons
    for light, place in enumerate(BUTTONS):
        off = solve(0.0 if light == BLUE else 1.0, (red, green, blue))[light]
        on = solve(place, (red, green, blue))[light]
        assert on >= off
    assert solve(arm, (red, max(green, 0.9), blue))[RED] >= solve(arm, (red, 0.01, blue))[RED]
    assert 0 < solve(away, (red, green, blue))[RED] <= 1


def test_lights_show_their_brightness_and_nothing_else_does():
    dark = one(0.5, 0, 0, 0)
    for light, x in enumerate((12, 32, 52)):
        steps = [one(0.5, *(v * (np.arange(3) == light))) for v in (0.25, 0.5, 0.75, 1.0)]
        shown = [s[10, x, light] for s in (dark, *steps)]
        assert np.diff(shown).min() > 40  # of 200 in all: in proportion
        changed = np.argwhere((steps[-1] != dark).any(axis=2))
        assert np.hypot(changed[:, 0] - 9.5, changed[:, 1] - (x - 0.5)).max() < 12.1


def test_the_arm_is_seen_wherever_it_is_and_never_covers_a_light():
    places = np.linspace(0, 1, 201)
    drawn = render(places, np.full((201, 3), 0.5)).astype(int)
    assert np.array_equal(drawn[:, :22], np.broadcast_to(drawn[0, :22], (201, 22, 64, 3)))
    assert (np.abs(np.diff(drawn, axis=0)).sum(axis=(1, 2, 3)) > 100).all()
    hand = (drawn[:, 22:] > 215).all(axis=3)  # the only white thing below the lights
    columns = (hand * np.arange(64)).sum(axis=(1, 2)) / hand.sum(axis=(1, 2))
    assert np.diff(columns[::10]).min() > 1  # from left to right
    for colour, place in enumerate(BUTTONS):
        free = one(0.675 if colour != BLUE else 0.325, 0, 0, 0)
        under = one(place, 0, 0, 0)
        others = np.delete(free, colour, axis=2).max(axis=2)
        button = np.argwhere(free[:, :, colour] - others > 100)
        button = button[button[:, 0] > 22].mean(axis=0).round().astype(int)
        covered = under[tuple(button)]
        assert covered.min() > 200  # the hand is on it


def test_pictures_tell_the_variables(found):
    """From 8 principal components, as in the research note: R² of about 0.9 and more."""
    pictures = found["x"][:1000, 0].reshape(1000, -1)[:, ::4] / 255.0
    z = found["z"][:1000, 0]
    centred = pictures - pictures.mean(axis=0)
    _, axes = np.linalg.eigh(centred[:700] @ centred[:700].T)  # of the Gram matrix: fewer rows
    codes = np.c_[centred @ (centred[:700].T @ axes[:, -8:]), np.ones(1000)]
    weights = np.linalg.lstsq(codes[:700], z[:700], rcond=None)[0]
    left = z[700:] - codes[700:] @ weights
    r2 = 1 - left.var(axis=0) / z[700:].var(axis=0)
    assert r2.min() > 0.85


def test_a_thousand_pictures_a_second_on_one_thread():
    rng = np.random.default_rng(0)
    arm, lights = rng.random(1024), rng.random((1024, 3))
    render(arm[:1], lights[:1])
    start = time.process_time()
    render(arm, lights)
    assert time.process_time() - start < 1.0  # measured 0.21 s


@pytest.mark.parametrize("batch", [1, 127, 128, 129])
def test_batches_leave_no_trace(batch):
    rng = np.random.default_rng(1)
    arm, lights = rng.random(batch), rng.random((batch, 3))
    whole = render(arm, lights)
    apart = np.concatenate([render(arm[i : i + 1], lights[i : i + 1]) for i in range(batch)])
    assert np.array_equal(whole, apart)


def test_wrong_parameters_are_told_in_one_line():
    with pytest.raises(ValueError, match="train is 0"):
        circuit.index(1, 0, 1, 1, 1, 1)
