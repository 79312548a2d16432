from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness_plugins.causal.interface import Diverged, Lacking
from harness_plugins.causal_baselines.checkpoints import pack, unpack
from tests.causal_baselines.problems import (
    LATENT,
    MODELS,
    ORACLES,
    PAIRED,
    PRIVILEGED,
    build,
    linear_pairs,
)
from tests.causal_baselines.problems import images as draw_images

N, BUDGET = 300, 3000
DATA = linear_pairs(N, 0)
X, AFTER = DATA["x"][:, 0], DATA["x"][:, 1]
PICTURES = draw_images(24, 0)
FIT_TRUTH = {"z": DATA["z"], "val_z": DATA["z"][:50], "targets": DATA["targets"]}
TRUTH = {
    "z": DATA["z"][:, 0],
    "noise": DATA["z"][:, 0] - 1,
    "targets": DATA["targets"],
    "adjacency": np.array([[0, 1], [0, 0]], np.uint8),
}


def fitted(name: str, seed: int = 0, budget: int = BUDGET, **params: Any) -> tuple[Any, bytes]:
    model = build(name, **params)
    extra = {"truth": FIT_TRUTH} if name in PRIVILEGED else {}
    checkpoint = model.fit(DATA["x"], DATA["x"][:50], seed, budget, **extra)
    model.load(checkpoint)
    return model, checkpoint


def encoded(name: str, model: Any) -> np.ndarray:
    return model.encode(X, **({"truth": TRUTH} if name in ORACLES else {}))


def on_images(name: str) -> tuple[Any, bytes]:
    model = build(name)
    extra = {"truth": {"z": np.zeros((24, 2, 3)), "val_z": np.zeros((8, 2, 3))}}
    checkpoint = model.fit(
        PICTURES, PICTURES[:8], 0, 1500, **(extra if name == "supervised" else {})
    )
    model.load(checkpoint)
    return model, checkpoint


@pytest.mark.parametrize("name", MODELS)
def test_training_repeats_to_the_byte_and_survives_saving(name: str) -> None:
    model, checkpoint = fitted(name)
    again, same = fitted(name)
    assert checkpoint == same
    assert fitted(name, seed=1)[1] != checkpoint or name == "pca"
    codes = encoded(name, model)
    assert codes.shape == (N, 2)
    assert codes.dtype == np.float64
    assert np.all(np.isfinite(codes))
    np.testing.assert_array_equal(codes, encoded(name, again))


@pytest.mark.parametrize("name", [*LATENT, "supervised", "linear_ica", "pca"])
@pytest.mark.parametrize("budget", [1, 100, 3001, 10**6])
def test_budget_is_never_exceeded(name: str, budget: int, notes: Any) -> None:
    params = {"steps": 5} if "steps" in MODELS[name].params else {}
    fitted(name, budget=budget, **params)
    assert 1 <= notes()["examples"] <= budget


def test_restarts_share_the_budget_and_the_best_bound_is_kept(notes: Any) -> None:
    fitted("ilcm", budget=3 * 256 * 120, restarts=3, latents=2)
    said = notes()
    assert said["steps"] == 120
    assert said["examples"] == 3 * 256 * 120
    assert len(said["validation_elbo_of_restarts"]) == 3
    assert said["validation_elbo"] == max(said["validation_elbo_of_restarts"])


@pytest.mark.parametrize("name", LATENT)
def test_a_set_number_of_latents(name: str) -> None:
    model, _ = fitted(name, latents=3)
    assert model.encode(X).shape == (N, 3)
    assert model.adjacency().shape == (3, 3)
    if name in PAIRED:
        assert model.infer_intervention(X, AFTER).shape == (N, 4)


@pytest.mark.parametrize("name", PAIRED)
def test_probabilities_of_targets(name: str) -> None:
    model, _ = fitted(name)
    found = model.infer_intervention(X, AFTER)
    assert found.shape == (N, 3)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    none = model.infer_intervention(X, X)
    assert np.all(none.argmax(axis=1) == 0)


@pytest.mark.parametrize("name", LATENT)
def test_adjacency_is_a_strength(name: str) -> None:
    found = fitted(name)[0].adjacency()
    assert found.shape == (2, 2)
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_array_equal(np.diag(found), 0)
    if name in ("dvae", "beta_vae"):
        np.testing.assert_array_equal(found, 0)


@pytest.mark.parametrize("name", [*LATENT, "linear_ica", "pca"])
def test_setting_a_latent_to_its_own_value_changes_nothing(name: str) -> None:
    model, _ = fitted(name)
    target = np.arange(N) % 2
    codes = model.encode(X)
    same = model.intervene(X, target, codes[np.arange(N), target])
    assert same.shape == X.shape
    # float32 latents of observations of order 1
    np.testing.assert_allclose(same, X, atol=1e-5)
    assert np.abs(model.intervene(X, target, codes[np.arange(N), target] + 1) - X).max() > 0.01


@pytest.mark.parametrize("name", ["linear_ica", "pca"])
def test_a_linear_intervention_sets_one_component(name: str) -> None:
    model, _ = fitted(name)
    wanted = model.encode(X)
    wanted[:, 1] = 0.5
    set_to = model.intervene(X, np.ones(N, np.int64), np.full(N, 0.5))
    np.testing.assert_allclose(model.encode(set_to), wanted, atol=1e-6)
    seen = np.concatenate([model.encode(X), model.encode(AFTER)])  # what it was trained on
    np.testing.assert_allclose(np.cov(seen.T, ddof=0), np.eye(2), atol=1e-9)


@pytest.mark.parametrize("name", LATENT)
def test_densities_are_finite_and_a_pair_of_one_blind_model_is_two_observations(
    name: str,
) -> None:
    model, _ = fitted(name)
    pair, single = model.log_prob(X, AFTER), model.log_prob(X, None)
    assert pair.shape == single.shape == (N,)
    assert np.all(np.isfinite(pair))
    assert np.all(np.isfinite(single))
    if name == "beta_vae":
        np.testing.assert_allclose(pair, single + model.log_prob(AFTER, None))


@pytest.mark.parametrize("name", LATENT)
def test_samples_depend_on_the_seed_alone(name: str) -> None:
    model, _ = fitted(name)
    assert model.sample(7, 3).shape == (7, 2)
    np.testing.assert_array_equal(model.sample(7, 3), model.sample(7, 3))
    assert np.any(model.sample(7, 3) != model.sample(7, 4))


@pytest.mark.parametrize("name", [*LATENT, "supervised", "linear_ica", "pca"])
def test_images(name: str, notes: Any) -> None:
    model, checkpoint = on_images(name)
    assert notes()["examples"] <= 1500
    assert on_images(name)[1] == checkpoint
    codes = model.encode(PICTURES[:, 0])
    assert codes.shape == (24, 3 if name == "supervised" else 4)
    if name == "supervised":
        return
    same = model.intervene(PICTURES[:, 0], np.zeros(24, np.int64), codes[:, 0])
    assert same.dtype == np.uint8
    # a change of less than half a level is rounded away
    np.testing.assert_array_equal(same, PICTURES[:, 0])
    if name in LATENT:
        drawn = model.sample(3, 0)
        assert drawn.shape == (3, 16, 16, 3)
        assert drawn.dtype == np.uint8
        with pytest.raises(Lacking, match="pixels"):
            model.log_prob(PICTURES[:, 0], None)


def test_images_of_another_form_are_refused() -> None:
    with pytest.raises(ValueError, match="20 x 20 x 3") as error:
        build("ilcm").fit(draw_images(4, 0, side=20), PICTURES, 0, 100)
    assert error.value.outcome == "invalid"


@pytest.mark.parametrize("name", PAIRED)
def test_models_of_pairs_need_pairs(name: str) -> None:
    with pytest.raises(Lacking, match="no pairs"):
        build(name).fit(DATA["x"][:, :1], DATA["x"][:, :1], 0, 100)


@pytest.mark.parametrize("name", ["beta_vae", "linear_ica", "pca"])
def test_models_of_single_observations_need_none(name: str) -> None:
    model = build(name)
    model.load(model.fit(DATA["x"][:, :1], DATA["x"][:50, :1], 0, 1000))
    assert model.encode(X).shape == (N, 2)


@pytest.mark.parametrize("name", PRIVILEGED)
def test_without_the_truth_a_privileged_model_says_what_to_do(name: str) -> None:
    with pytest.raises(Exception, match="say 'privileged: true' for this row") as error:
        build(name).fit(DATA["x"], DATA["x"], 0, 100)
    assert error.value.outcome == "invalid"
    assert "\n" not in str(error.value)
    if name in ORACLES:
        model, _ = fitted(name)
        with pytest.raises(Exception, match="privileged"):
            model.encode(X)


def test_oracles_tell_the_truth() -> None:
    latents, noise, rotated = (fitted(name)[0] for name in ORACLES)
    np.testing.assert_array_equal(latents.encode(X, truth=TRUTH), TRUTH["z"])
    np.testing.assert_array_equal(noise.encode(X, truth=TRUTH), TRUTH["noise"])
    turned = rotated.encode(X, truth=TRUTH)
    np.testing.assert_allclose((turned**2).sum(axis=1), (TRUTH["z"] ** 2).sum(axis=1))
    assert np.abs(turned - TRUTH["z"]).max() > 0.1
    np.testing.assert_array_equal(latents.adjacency(truth=TRUTH), [[0, 1], [0, 0]])
    several = {"targets": np.array([[0, 0], [0, 1], [1, 1]], bool)}
    np.testing.assert_array_equal(
        latents.infer_intervention(X[:3], X[:3], truth=several),
        [[1, 0, 0], [0, 0, 1], [0, 0.5, 0.5]],
    )
    with pytest.raises(Lacking, match="noise"):
        noise.encode(X, truth={"z": TRUTH["z"]})


def test_what_is_not_finite_is_an_outcome() -> None:
    broken = DATA["x"].copy()
    broken[:, 0, 0] = np.nan
    with pytest.raises(Diverged) as error:
        build("ilcm").fit(broken, broken, 0, 2000)
    assert error.value.outcome == "nonfinite"


def test_checkpoints_hold_what_they_were_given() -> None:
    arrays = {"b": np.arange(3), "a": np.ones((2, 2), np.float32)}
    checkpoint = pack({"x": [1, None]}, arrays)
    assert pack({"x": [1, None]}, dict(reversed(arrays.items()))) == checkpoint
    config, found = unpack(checkpoint)
    assert config == {"x": [1, None]}
    assert set(found) == set(arrays)
    np.testing.assert_array_equal(found["b"], arrays["b"])
