"""Blocks of episodes: their seeds, and digests that never stand for something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.policy.environments import DATASETS, datasets, items, seeds

NUMBERS = {
    "episodes": 10,
    "block": 4,
    "demonstrations": 3,
    "heldout": 2,
    "budget": 9,
    "seed": 0,
}
RING = {"places": 7, "steps": 50, "works": 0.5, "blunders": 0.05}


def ring(**changes):
    return datasets.mdp(**({**NUMBERS, **RING} | changes))


def test_episodes_are_cut_into_blocks_and_the_last_is_smaller():
    found = ring()
    assert [item.id for item in found] == ["block0", "block1", "block2"]
    assert [item.meta["seeds"] for item in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert items.load(found[2], None) == dict(found[2].meta)


def test_names_sort_as_the_episodes_stand():
    names = [item.id for item in ring(episodes=44)]
    assert names == sorted(names)
    assert names[-1] == "block10"


def test_a_block_keeps_its_digest_when_episodes_are_added():
    few, many = ring(episodes=8), ring(episodes=12)
    assert [i.sha256 for i in few] == [i.sha256 for i in many[:2]]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"block": 5},
        {"demonstrations": 4},
        {"heldout": 3},
        {"budget": 10},
        {"places": 8},
        {"blunders": 0.06},
    ],
)
def test_whatever_changes_what_happens_changes_the_digest(change):
    assert ring(**change)[0].sha256 != ring()[0].sha256


def test_versions_of_the_simulator_are_part_of_the_digest(monkeypatch):
    own = {"bindings": [[0, 1, 2, 3]], "noise": 0.1}
    now = datasets.lunarlander(**NUMBERS, **own)[0]
    assert set(now.meta["versions"]) == {"gymnasium", "box2d", "autoreset"}
    assert now.meta["versions"]["autoreset"] == "disabled"
    for name in ("gymnasium", "box2d"):
        known = items.version

        def other(wanted, name=name, known=known):
            return "99.0" if wanted == name else known(wanted)

        with monkeypatch.context() as patch:
            patch.setattr(items, "version", other)
            later = datasets.lunarlander(**NUMBERS, **own)[0]
        assert later.meta["versions"][name] == "99.0"
        assert later.sha256 != now.sha256


@pytest.mark.parametrize("name", ["episodes", "block", "demonstrations", "heldout", "budget"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True, "4"])
def test_what_is_no_number_of_things_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        ring(**{name: value})


@given(
    seed=st.integers(0, 10**6 - 1),
    counts=st.tuples(*[st.integers(1, 50)] * 4),
    other=st.integers(0, 2**40),
)
def test_no_two_roles_ever_share_an_episode(seed, counts, other):
    roles = ("evaluation", "demonstrations", "heldout", "simulator")
    drawn = [
        set(seeds.episode_seeds(role, other if role == "simulator" else seed, count))
        for role, count in zip(roles, counts, strict=True)
    ]
    assert len(set.union(*drawn)) == sum(counts)


@pytest.mark.parametrize(("seed", "count"), [(-1, 1), (10**6, 1), (0, 10**6 + 1)])
def test_seeds_that_would_overlap_are_refused(seed, count):
    with pytest.raises(ValueError, match="not in"):
        seeds.episode_seeds("evaluation", seed, count)


def test_streams_of_one_episode_are_independent_of_those_beside_it():
    together = seeds.uniforms([3, 4, 5], seeds.NOISE, 6)
    alone = seeds.uniforms([4], seeds.NOISE, 6)
    assert together[1].tobytes() == alone[0].tobytes()
    assert (seeds.uniforms([4], seeds.EXPERT, 6) != alone).all()
    assert (seeds.uniforms([4], seeds.NOISE, 6, 1) != alone).all()


def test_every_dataset_is_made_of_its_defaults_or_says_what_is_missing():
    for dataset in DATASETS:
        index = getattr(datasets, dataset.index.partition(":")[2])
        if dataset.name == "gymnasium":
            with pytest.raises(ValueError, match="give it params"):
                index(**dataset.params)
        else:
            assert index(**dataset.params)
