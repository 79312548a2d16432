"""Linear problems: the equations hold, nothing depends on what it should not, no byte drifts."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_plugins.causal import stages
from harness_plugins.causal.datasets import circuit, linear
from harness_plugins.causal.datasets.graphs import edges_of, order_of
from harness_plugins.causal.datasets.mixing import rotation

SMALL = {"d": 4, "problems": 1, "train": 50, "val": 8, "test": 12, "budget": 99, "seed": 0}
BIG = {**SMALL, "train": 20_000}
KEYS = {"x", "z", "noise", "targets", "split", "adjacency", "budget"}


def problem(index=linear.index_linear, number=0, **params):
    item = index(**{**SMALL, **params, "problems": number + 1})[number]
    return item, linear.load(item, None)


def digest(arrays) -> str:
    made = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        made.update(f"{name} {array.dtype.str} {array.shape}".encode())
        made.update(array.tobytes())
    return made.hexdigest()


# Of the first problem with SMALL; they change only together with recipes.VERSION.
GOLDEN = {
    "linear_son d=2": "9144b603ebee18f9661f544c3d776ca69f7991a4ed6e3252fd0620502bfc8be9",
    "linear_son d=4": "36b9fe8209540c9aa7ab8676eb747fc89f7413386e30f93395788a20198ed5ba",
    "linear_son d=16": "bef8e08a5207bf99750d908a1ecf9e85babd717d3623bfde036f2f5259ad6aa8",
    "nonlinear d=4": "0c6aebd0b4fe056b4a9b34cc1227fe64e135e5db9cb5c240a9b98cfe66b84c17",
    "stressed confounder": "f936ba65f5088ce151d7748855613349c2eddd30e2319406ee58a0232f1cdf4d",
    "stressed imperfect": "f308dc2d7fc77bc6d451d31ef061594d91b5d32c1350918c65ee86768a34afd6",
    "stressed incomplete": "babab45ed05b94e0a98c8a792c21ecc861e1a77d552d601f43b75ecea353878c",
    "stressed multiple": "e39e2c590cd20c29c717acdbeb97ce72e3cc99b9bf9998f0fc9d4350efc22090",
    "stressed noise": "6b1f5d33bd1b774a724f7d1e10d3dd85109533c8975440ca19850b5a3bcba39d",
    "stressed unpaired": "ede6d76ea97a8673ea91307f92286804e461430ea3a000045eff14c0d5332089",
    "circuit": "f25c22e879e7c7b66a3a7192bd723426509a462c4a6c371811b3a55ff2f77cd5",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_bytes(name):
    kind, _, rest = name.partition(" ")
    if kind == "circuit":
        found = circuit.load(circuit.index(1, 50, 8, 12, 99, 0)[0], None)
    elif kind == "stressed":
        found = problem(linear.index_stressed, by=rest, dial=0.5)[1]
    else:
        index = {"linear_son": linear.index_linear, "nonlinear": linear.index_nonlinear}[kind]
        found = problem(index, d=int(rest.partition("=")[2]))[1]
    assert digest(found) == GOLDEN[name]


def test_golden_recipe():
    item, _ = problem()
    assert item.sha256 == RECIPE
    assert item.meta["edges"] == [list(e) for e in edges_of(4, 0, 0)]
    assert item.path == ""


RECIPE = "dd59d760d4d27fb9689fab8279b9d42a779f00174f8124572e5d8154449aaa8c"


@pytest.mark.parametrize("index", [linear.index_linear, linear.index_nonlinear])
@pytest.mark.parametrize("d", [2, 7, 16])
def test_form(index, d):
    item, found = problem(index, d=d)
    assert set(found) == KEYS
    assert (found["x"].shape, found["x"].dtype) == ((70, 2, d), np.float32)
    assert (found["z"].shape, found["z"].dtype) == ((70, 2, d), np.float64)
    assert (found["noise"].shape, found["noise"].dtype) == ((70, 2, d), np.float64)
    assert (found["targets"].shape, found["targets"].dtype) == ((70, d), np.bool_)
    assert found["adjacency"].dtype == np.uint8
    assert found["adjacency"].sum() == len(item.meta["edges"])
    assert [int(np.sum(found["split"] == n)) for n in range(3)] == [50, 8, 12]
    assert (found["budget"].shape, found["budget"].dtype, int(found["budget"])) == ((), "i8", 99)
    given = stages.observe(None, {"problem": found}, {}, None)
    assert given["train"]["pairs"].shape == (50, 2, d)
    assert given["test"]["x_after"].shape == (12, d)


def test_same_recipe_same_bytes_and_others_differ():
    assert digest(problem()[1]) == digest(problem()[1])
    items = linear.index_linear(**{**SMALL, "problems": 3})
    items += linear.index_linear(**{**SMALL, "seed": 1})
    items += linear.index_linear(**{**SMALL, "train": 51})
    items += linear.index_nonlinear(**SMALL)
    assert len({i.sha256 for i in items}) == len(items)
    assert len({digest(linear.load(i, None)) for i in items}) == len(items)


def test_fewer_training_pairs_are_the_first_ones_and_leave_the_others_alone():
    many, few = problem(train=80)[1], problem(train=30)[1]
    for name in ("x", "z", "noise", "targets"):
        assert np.array_equal(many[name][:30], few[name][:30])
        assert np.array_equal(many[name][80:], few[name][30:])


def test_the_index_draws_nothing():
    start = time.process_time()
    items = linear.index_linear(**{**SMALL, "d": 16, "problems": 50})
    assert (time.process_time() - start) / 50 < 0.005  # 16 variables: 120 pairs of them
    assert all(len(i.meta["edges"]) > 30 for i in items)


@given(st.integers(2, 16), st.integers(0, 2**32 - 1), st.integers(0, 99))
def test_graphs_are_acyclic_and_have_edges(d, seed, number):
    edges, order = edges_of(d, seed, number), order_of(d, seed, number)
    assert sorted(order) == list(range(d))
    assert edges
    assert all(order.index(i) < order.index(j) for i, j in edges)
    assert len(set(edges)) == len(edges)


def test_two_variables_always_have_their_edge_in_either_direction():
    found = Counter(tuple(edges_of(2, seed, 0)) for seed in range(400))
    assert set(found) == {((0, 1),), ((1, 0),)}
    assert min(found.values()) > 150  # 200 ± 10


def test_every_order_of_the_variables_is_as_likely():
    found = Counter(tuple(order_of(3, seed, 0)) for seed in range(3000))
    assert set(found) == set(permutations(range(3)))
    assert max(abs(n - 500) for n in found.values()) < 100  # 500 ± 20


def test_half_of_the_possible_edges_are_there():
    found = [len(edges_of(16, seed, 0)) for seed in range(200)]
    assert abs(np.mean(found) - 60) < 2  # 120 / 2 ± 0.4


@pytest.mark.parametrize("d", [2, 5, 16])
def test_the_structural_equations_hold_before_and_after(d):
    item, found = problem(d=d)
    weights = linear.weights_of(item.meta)
    assert np.array_equal(weights != 0, found["adjacency"] == 1)
    z, noise, targets = found["z"], found["noise"], found["targets"]
    np.testing.assert_allclose(z, noise + z @ weights, rtol=1e-9, atol=1e-9)
    assert np.array_equal(noise[:, 0][~targets], noise[:, 1][~targets])  # counterfactuals
    untouched = ~targets.any(axis=1)
    assert untouched.any()
    assert np.array_equal(z[untouched, 0], z[untouched, 1])


def test_noise_and_interventions_are_standard_normal_and_unrelated():
    _, found = problem(**BIG)
    n = 20_000
    assert np.abs(found["noise"][:, 0].mean(axis=0)).max() < 5 / np.sqrt(n)
    assert np.abs(found["noise"][:, 0].std(axis=0) - 1).max() < 5 / np.sqrt(n)
    corr = np.corrcoef(found["noise"][:, 0].T)
    assert np.abs(corr - np.eye(4)).max() < 5 / np.sqrt(n)
    for j in range(4):
        hit = found["targets"][:, j]
        values = found["z"][hit, 1, j]
        assert abs(values.mean()) < 5 / np.sqrt(hit.sum())
        assert abs(values.std() - 1) < 5 / np.sqrt(hit.sum())
        for i in range(4):  # perfect: nothing of any other variable is left
            others = np.delete(found["z"][hit, 1], j, axis=1)
            parents = np.flatnonzero(found["adjacency"][:, j])
            if i in parents:
                left = np.corrcoef(values, others[:, i - (i > j)])[0, 1]
                assert abs(left) < 5 / np.sqrt(hit.sum())


def test_targets_are_one_or_none_each_as_likely():
    targets = problem(**BIG)[1]["targets"]
    assert set(targets.sum(axis=1)) == {0, 1}
    shares = np.array([*targets.mean(axis=0), (~targets.any(axis=1)).mean()])
    assert np.abs(shares - 0.2).max() < 5 * np.sqrt(0.16 / len(targets))


def test_weights_are_bimodal():
    sizes = []
    for number in range(30):
        item = linear.index_linear(**{**SMALL, "d": 16, "problems": 30})[number]
        weights = linear.weights_of(item.meta)
        sizes.extend(weights[weights != 0])
    n = len(sizes)
    assert abs(np.mean(np.sign(sizes))) < 5 / np.sqrt(n)
    mirrored = np.abs(sizes)  # 0.04 % cross zero
    assert abs(mirrored.mean() - 1) < 5 * 0.3 / np.sqrt(n)
    assert abs(mirrored.std() - 0.3) < 5 * 0.3 / np.sqrt(n)


@given(st.integers(2, 16), st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_rotations_are_rotations(d, seed):
    matrix = rotation(np.random.default_rng(seed).standard_normal((d, d)))
    assert np.abs(matrix @ matrix.T - np.eye(d)).max() < 1e-13
    assert abs(np.linalg.det(matrix) - 1) < 1e-12


def test_rotations_are_spread_evenly():
    rng = np.random.default_rng(0)
    drawn = np.array([rotation(rng.standard_normal((3, 3))) for _ in range(4000)])
    assert np.abs(drawn.mean(axis=0)).max() < 5 / np.sqrt(3 * 4000)  # Haar: mean 0, square 1/d
    assert np.abs((drawn**2).mean(axis=0) - 1 / 3).max() < 0.03


@pytest.mark.parametrize("d", [2, 9, 16])
def test_observations_are_the_rotated_variables(d):
    item, found = problem(d=d)
    matrix = linear.mixing_of(item.meta).matrix
    np.testing.assert_allclose(found["x"], found["z"] @ matrix.T, rtol=1e-5, atol=1e-5)
    assert np.abs(matrix).max(axis=1).min() < 0.999  # a mixture, no permutation


@pytest.mark.parametrize("d", [2, 4, 16])
def test_the_diffeomorphism_has_its_inverse(d):
    item, found = problem(linear.index_nonlinear, d=d)
    z = found["z"][:, 0].T
    mixing = linear.mixing_of(item.meta)
    x = mixing.mix(z)
    np.testing.assert_allclose(found["x"][:, 0], x.T.astype(np.float32), rtol=1e-6)
    np.testing.assert_allclose(mixing.invert(x), z, rtol=1e-9, atol=1e-9)
    back = mixing.invert(found["x"][:, 0].T.astype(np.float64))  # of what models see: float32
    assert np.abs(back - z).max() < 1e-4 * np.abs(z).max()


def test_nonlinear_is_linear_son_through_another_map():
    plain, bent = problem()[1], problem(linear.index_nonlinear)[1]
    for name in KEYS - {"x"}:
        assert np.array_equal(plain[name], bent[name])
    assert not np.allclose(plain["x"], bent["x"])


@pytest.mark.parametrize("number", range(3))
def test_no_linear_map_undoes_the_diffeomorphism(number):
    _, found = problem(linear.index_nonlinear, number, **BIG)
    x, z = found["x"][:, 0].astype(np.float64), found["z"][:, 0]
    design = np.c_[x, np.ones(len(x))]
    left = z - design @ np.linalg.lstsq(design, z, rcond=None)[0]
    r2 = 1 - left.var(axis=0) / z.var(axis=0)
    assert r2.mean() < 0.95
    assert r2.min() > 0.5  # bent, not crumpled


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"d": 1}, "d is 1; expected a whole number in 2…16"),
        ({"d": 17}, "d is 17"),
        ({"d": 2.0}, "d is 2.0"),
        ({"d": True}, "d is True"),
        ({"problems": 0}, "problems is 0"),
        ({"train": 0}, "train is 0"),
        ({"test": "9"}, "test is '9'"),
        ({"budget": -1}, "budget is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"size": 3}, "see size"),
    ],
)
def test_wrong_parameters_are_told_in_one_line(changed, said):
    with pytest.raises(ValueError, match=said) as raised:
        linear.index_linear(**{**SMALL, **changed})
    assert "\n" not in str(raised.value)
