"""Minari's format: what the package reads of ours, and we of what the package wrote."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.spec import Unavailable
from harness_plugins.policy import minari as ours
from harness_plugins.policy import stages
from harness_plugins.policy.environments import datasets
from harness_plugins.policy.environments.registry import describe
from harness_plugins.policy.rollout import Asked, play

package = pytest.importorskip("minari")
pytest.importorskip("h5py")
gymnasium = pytest.importorskip("gymnasium")
ABOUT = {"author": "A. Person", "description": "a test", "algorithm_name": "heuristic"}
KEPT = (
    "observations",
    "actions",
    "rewards",
    "lengths",
    "terminated",
    "final_observations",
    "seeds",
)


def recorded(worlds, dataset, episodes=3, **own):
    world = worlds.environment_of(dataset, **own)
    seeds = range(10, 10 + episodes)
    return play(world, seeds, lambda: Asked(world, seeds)), describe(dataset, own, world)


@pytest.mark.parametrize(
    ("dataset", "own"),
    [
        ("confounded_bandit", {"steps": 12}),  # discrete both ways
        ("gymnasium", {"id": "CartPole-v1", "expert": "random"}),  # of various lengths
        ("confounded_pendulum", {"steps": 9}),  # continuous actions
    ],
)
def test_what_is_written_is_what_is_read(worlds, tmp_path, dataset, own):
    if dataset == "confounded_pendulum":
        pytest.importorskip("mujoco")
    played, told = recorded(worlds, dataset, **own)
    ours.write(tmp_path / "d", "tests/d-v0", played, told, **ABOUT)
    found = ours.read(tmp_path / "d", told, range(3))
    assert set(found) == set(KEPT)
    for name in KEPT:
        np.testing.assert_array_equal(found[name], played[name])
        assert found[name].dtype == played[name].dtype
    part = ours.read(tmp_path / "d", told, [2, 0])
    np.testing.assert_array_equal(part["actions"], played["actions"][[2, 0]])


def test_the_real_package_reads_what_we_write(worlds, tmp_path, monkeypatch):
    played, told = recorded(worlds, "gymnasium", id="CartPole-v1", expert="random")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    ours.write(tmp_path / "pole/some-v0/data", "pole/some-v0", played, told, **ABOUT)
    found = package.load_dataset("pole/some-v0")
    assert (found.total_episodes, found.total_steps) == (3, played["lengths"].sum())
    assert found.spec.dataset_id == "pole/some-v0"
    assert found.action_space == gymnasium.spaces.Discrete(2)
    for row, episode in enumerate(found.iterate_episodes()):
        n = played["lengths"][row]
        assert episode.observations.shape == (n + 1, 4)
        np.testing.assert_array_equal(episode.observations[:n], played["observations"][row, :n])
        np.testing.assert_array_equal(episode.actions, played["actions"][row, :n])
        np.testing.assert_array_equal(episode.rewards, played["rewards"][row, :n])
        assert episode.terminations.tolist() == [False] * (n - 1) + [True]
        assert not episode.truncations.any()


@pytest.fixture
def foreign(tmp_path):
    """A dataset that the package wrote: CartPole, 6 episodes of the action that comes next."""
    from minari.data_collector.episode_buffer import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    env = gymnasium.make("CartPole-v1")
    episodes = []
    for n in range(6):
        seen, done, rewards, over = [env.reset(seed=n)[0]], [], [], False
        while not over:
            done.append(len(done) % 2)
            state, reward, terminated, truncated, _ = env.step(done[-1])
            seen.append(state)
            rewards.append(float(reward))
            over = terminated or truncated
        ends = [False] * (len(done) - 1) + [True]
        episodes.append(
            EpisodeBuffer(
                id=n,
                observations=seen,
                actions=done,
                rewards=rewards,
                terminations=ends,
                truncations=[False] * len(done),
            )
        )
    folder = tmp_path / "foreign"
    storage = MinariStorage.new(folder, env_spec=env.spec)
    storage.update_metadata({"dataset_id": "pole-v0", "minari_version": package.__version__})
    storage.update_episodes(episodes)
    return folder, episodes


NUMBERS = {"episodes": 2, "block": 2, "demonstrations": 4, "heldout": 2, "budget": 9, "seed": 0}
POLE = {"id": "CartPole-v1", "options": {}, "horizon": 0, "expert": ""}


def test_demonstrations_of_others_are_learned_from(foreign):
    folder, episodes = foreign
    items = datasets.any_gymnasium(**NUMBERS, **POLE, minari=str(folder))
    block = dict(items[0].meta)
    left = stages.demonstrate(None, {"episodes": [block]}, {}, None)
    for role, which in (("demonstrations", range(4)), ("heldout", range(4, 6))):
        for row, n in enumerate(which):
            steps = len(episodes[n].actions)
            assert left[role]["lengths"][row] == steps
            assert left[role]["actions"][row, :steps].tolist() == episodes[n].actions
            np.testing.assert_array_equal(
                left[role]["observations"][row, :steps], episodes[n].observations[:steps]
            )
    assert set(left["demonstrations"]) == {"observations", "actions", "lengths"}
    assert str(folder) not in json.dumps(left["environment"])  # where it lies is no result


def test_the_digest_is_of_what_is_in_it_not_of_where_it_lies(foreign, tmp_path):
    folder, _ = foreign
    moved = tmp_path / "moved" / "data"
    moved.parent.mkdir()

    def digest():
        return datasets.any_gymnasium(**NUMBERS, **POLE, minari=str(folder))[0].sha256

    before = digest()
    (folder / "main_data.hdf5").rename(tmp_path / "aside")
    (tmp_path / "aside").rename(folder / "main_data.hdf5")
    assert digest() == before
    folder.rename(moved)
    folder = moved.parent  # the folder above `data` does as well
    assert digest() == before
    metadata = moved / "metadata.json"
    metadata.write_text(metadata.read_text().replace("pole-v0", "pole-v1"))
    assert digest() != before


def test_too_few_or_too_long_or_other_episodes_are_refused(foreign):
    folder, _ = foreign
    told = {
        "observation": {"shape": [4], "dtype": "float32"},
        "action": {"n": 2},
        "horizon": 500,
    }
    with pytest.raises(ValueError, match="holds 6 episodes, 7 are asked for"):
        ours.read(folder, told, range(7))
    with pytest.raises(ValueError, match=r"episode 0: .* steps, expected 1…3"):
        ours.read(folder, told | {"horizon": 3}, range(2))
    with pytest.raises(ValueError, match=r"actions of shape \(\), expected \(1,\)"):
        ours.read(folder, told | {"action": {"shape": [1]}}, range(2))
    with pytest.raises(ValueError, match="not in 0…0"):
        ours.read(folder, told | {"action": {"n": 1}}, range(2))
    with pytest.raises(ValueError, match="observations of shape"):
        ours.read(folder, told | {"observation": {"shape": [3], "dtype": "float32"}}, range(2))


def test_what_is_not_here_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="minari download D4RL/pen/human-v2") as caught:
        datasets.any_gymnasium(**NUMBERS, **POLE, minari="D4RL/pen/human-v2")
    assert "no Minari dataset" in caught.value.reason
    (tmp_path / "pole-v0" / "data").mkdir(parents=True)
    (tmp_path / "pole-v0" / "data" / "metadata.json").write_text("{}")
    assert ours.find("pole-v0") == tmp_path / "pole-v0" / "data"


def test_nothing_is_written_over_and_no_unknown_word_kept(worlds, tmp_path):
    played, told = recorded(worlds, "confounded_bandit", steps=3)
    ours.write(tmp_path / "d", "d-v0", played, told)
    with pytest.raises(ValueError, match="already available"):
        ours.write(tmp_path / "d", "d-v0", played, told)
    with pytest.raises(ValueError, match="'autor' is none of"):
        ours.write(tmp_path / "e", "e-v0", played, told, autor="x")


def test_what_only_the_expert_knew_is_not_written(worlds, tmp_path):
    import h5py

    played, told = recorded(worlds, "confounded_bandit", steps=3)
    ours.write(tmp_path / "d", "d-v0", played, told)
    names = []
    with h5py.File(tmp_path / "d" / "main_data.hdf5") as file:
        file.visititems(lambda name, node: names.extend([name, *node.attrs]))
    assert names
    assert not [name for name in names if "context" in name]
