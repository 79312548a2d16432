from __future__ import annotations

import hashlib
import math
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import open_suite
from harness.errors import UsageError
from harness.run import forecast
from harness.run.keys import canonical, digest, node_key
from harness.run.node import Plan
from harness.run.plan import dataset_label, make_plan

# Its text is part of its keys: changing it changes the golden vectors below, nothing else may.
TRAINED = """\
import hashlib

from harness import Artifact, Dataset, Family, Item, Metric, Model, Stage, Task, hookimpl


@hookimpl
def harness_families():
    stages = (
        Stage(name="fit", run="trained:fit", inputs=("row",),
              outputs=(Artifact("checkpoint", "json"),), per=("seed",)),
        Stage(name="apply", run="trained:apply", inputs=("checkpoint", "row"),
              outputs=(Artifact("guess", "json"),), per=("item", "seed")),
        Stage(name="pool", run="trained:pool", inputs=("guess",),
              outputs=(Artifact("summary", "json"),), per=("seed",)),
    )
    task = Task(name="guess", item="row", accepts="row", stages=stages)
    return [Family(name="trained", summary="", interface="trained:Mean", tasks=(task,))]


@hookimpl
def harness_models():
    return [Model(name="mean", family="trained", factory="trained:Mean", params={"shift": 0})]


@hookimpl
def harness_datasets():
    return [Dataset(name="rows", provides="row", index="trained:index", load="trained:load",
                    params={"count": 4})]


@hookimpl
def harness_metrics():
    return [
        Metric(name="miss", factory="trained:Miss", inputs=("row", "guess"), signature="miss|v1",
               better="lower"),
        Metric(name="spread", factory="trained:Spread", inputs=("row", "guess"),
               signature="spread|v1", better="lower", per="set"),
        Metric(name="total", factory="trained:Total", inputs=("summary",), signature="total|v1",
               better="none"),
    ]


def index(count):
    return [Item(f"r{n}", hashlib.sha256(b"%d" % n).hexdigest(), meta={"n": n})
            for n in range(count)]


def load(item, data):
    return item.meta["n"]


class Mean:
    def __init__(self, shift):
        self.shift = shift


def fit(model, inputs, point, seed):
    return {"checkpoint": sum(inputs["row"]) + model.shift + seed}


def apply(model, inputs, point, seed):
    return {"guess": inputs["checkpoint"] * 100 + inputs["row"]}


def pool(model, inputs, point, seed):
    return {"summary": list(inputs["guess"])}


class Miss:
    def __call__(self, row, guess):
        return guess - row


class Spread:
    def __call__(self, rows, guesses):
        assert isinstance(rows, list) and isinstance(guesses, list)
        return max(guesses) - min(guesses) + 0.001 * sum(rows)


class Total:
    def __call__(self, summary):
        return sum(summary)
"""


@pytest.fixture
def trained(tmp_path, suite_of):
    """Return a function that writes the second family and a suite on it."""

    def write(source: str = TRAINED, **changes) -> Path:
        (tmp_path / "trained.py").write_text(source)
        return suite_of(
            **{
                "plugins": ["trained.py"],
                "tasks": ["guess"],
                "datasets": ["rows"],
                "models": ["mean"],
                "metrics": ["miss", "spread", "total"],
                "seeds": [0, 7],
                "limits": None,
            }
            | changes
        )

    return write


def planned(path: Path, **options) -> Plan:
    suite, registry = open_suite(str(path), ())
    return make_plan(suite, registry, **options)


def keys(plan: Plan) -> dict[tuple, str]:
    """Return the key of every node, with invented digests of artifacts."""
    ids = {
        id(n): [dict(n.entry.params), n.step, dict(n.entry.points[n.point]), n.seed]
        for n in plan.nodes
    }
    found = {}
    for node in plan.nodes:
        point = None if node.point < 0 else str(node.entry.points[node.point])
        item = node.item.id if node.item else None
        left = {
            id(n): {
                name: digest([ids[id(n)], n.item and n.item.id, name]) for name, _ in node.inputs
            }
            for n in node.needs
        }
        where = (node.entry.label, node.dataset, node.step, point, item, node.seed)
        found[where] = node.key(left)
    return found


# --- keys ------------------------------------------------------------------------------


def test_canonical_json_is_one_form_of_equal_data():
    assert canonical({"b": [1, 2.5, None], "a": "é"}) == '{"a":"é","b":[1,2.5,null]}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": math.nan})


def test_golden_keys():
    assert digest({"a": 1, "b": ["x", None, 0.5]}) == (
        "7ea1787e91f0e374c1703e238ef4c8c45e0e384830d53352b0907cf5ada5fabe"
    )
    assert node_key("ab" * 32, {"image": "cd" * 32, "all": ["ef" * 32]}) == (
        "bf7ae127fa2ecef96726649fdb205e7ecb2c9654207039b572d692de6615af04"
    )


def test_golden_keys_of_a_plan(trained):
    found = keys(planned(trained()))
    chosen = {k[2]: v for k, v in found.items() if k[4] in {None, "r1"} and k[5] == 7}
    assert {step: key[:16] for step, key in chosen.items()} == {
        "fit": "f659a9c7efbe688e",
        "apply": "96532ba30df8eaef",
        "pool": "811b53a44aa5cee8",
        "miss": "062eb161b4428a6e",
        "spread": "e0bde5264702921a",
        "total": "6e4020fc8527964e",
    }


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_the_order_and_the_name_of_a_suite_change_no_key(data, suite_of):
    lists = {
        "models": ["zip", {"name": "lossy", "points": {"level": [1, 9]}}, "faulty"],
        "metrics": ["size", "likeness"],
        "datasets": ["words", {"name": "words", "params": {"count": 2}}],
        "seeds": [0, 1],
    }
    before = keys(planned(suite_of(name="toy", **lists)))
    shuffled = {k: data.draw(st.permutations(v)) for k, v in lists.items()}
    levels = data.draw(st.permutations([1, 9]))
    for model in shuffled["models"]:
        if isinstance(model, dict):
            model["points"] = {"level": levels}
    path = suite_of(
        name="other.yaml",
        **shuffled,
        title=data.draw(st.sampled_from(["", "t"])),
        limits={"seconds": data.draw(st.integers(1, 99))},
    )
    path.write_text(path.read_text().replace('"name": "toy"', '"name": "renamed"'))
    assert keys(planned(path)) == before


def test_the_number_of_jobs_and_the_machine_change_no_key(suite_of, run, tmp_path):
    path = suite_of()
    one = run(path, jobs=1, results=tmp_path / "a")
    two = run(path, jobs=2, results=tmp_path / "b")
    assert sorted(e["key"] for e in one.ended) == sorted(e["key"] for e in two.ended)


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ({"models": [{"name": "mean", "params": {"shift": 1}}]}, {"fit", "apply", "pool"}),
        ({"seeds": [1, 8]}, {"fit", "apply", "pool"}),
    ],
)
def test_what_changes_a_result_changes_its_key(trained, change, steps):
    before, after = keys(planned(trained())), keys(planned(trained(**change)))
    for step in steps:
        old = {v for k, v in before.items() if k[2] == step}
        assert not old & {v for k, v in after.items() if k[2] == step}


STAGES = {"fit", "apply", "pool"}
STEPS = STAGES | {"miss", "spread", "total"}


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ('["checkpoint"] * 100', '["checkpoint"] * 99', STEPS),  # one file holds all the code
        ('signature="miss|v1"', 'signature="miss|v2"', {"miss"}),
        ('sha256(b"%d" % n)', 'sha256(b"x%d" % n)', {"fit", "apply", "miss", "spread"}),
        ('{"shift": 0}', '{"shift": 0}, requires=("numpy",)', STAGES),
        ('{"shift": 0}', '{"shift": 0}, weights=(W,)', STAGES),
        ('{"count": 4}', '{"count": 4}, version="2"', {"fit", "apply", "miss", "spread"}),
        ('"mean", family', '"mean2", family', STAGES),
        ('accepts="row", stages', 'accepts="row", version=2, stages', STAGES),
        ('"json"),), per=("seed",)),\n', '"json"),), per=("seed",), env={"A": "1"}),\n', {"fit"}),
        ('summary=""', 'summary="what it is"', set()),
    ],
)
def test_exactly_the_steps_that_a_declaration_concerns_get_new_keys(
    trained, monkeypatch, old, new, changed
):
    if "checkpoint" not in old:  # the code held still, so that only what is declared differs
        monkeypatch.setattr("harness.registry.lookup.code_digest", lambda module: "code")
    weights = 'W = Resource(name="w", url="https://example.org/w", sha256="0" * 64)\n\n\n@hookimpl'
    source = TRAINED.replace("Model, ", "Model, Resource, ").replace("@hookimpl", weights, 1)
    assert old in source
    before = keys(planned(trained(source)))
    model = "mean2" if "mean2" in new else "mean"
    after = keys(planned(trained(source.replace(old, new, 1), models=[model])))
    after = {("mean", *where[1:]): key for where, key in after.items()}
    assert before.keys() == after.keys()
    assert {where[2] for where in before if before[where] != after[where]} == changed


def test_the_version_of_a_requirement_is_in_the_key(trained, monkeypatch):
    source = TRAINED.replace('params={"shift": 0}', 'params={"shift": 0}, requires=("numpy",)')
    before = keys(planned(trained(source)))
    monkeypatch.setattr(
        sys.modules["harness.run.plan"], "versions", lambda names: dict.fromkeys(names, "99")
    )
    after = keys(planned(trained(source)))
    assert all(before[k] != after[k] for k in before if k[2] == "fit")


# --- shape -----------------------------------------------------------------------------


def test_a_plan_has_each_step_once_per_coordinate(trained):
    counts: dict[str, int] = {}
    for node in planned(trained()).nodes:
        counts[node.step] = counts.get(node.step, 0) + 1
    assert counts == {"fit": 2, "apply": 8, "pool": 2, "miss": 8, "spread": 2, "total": 2}


def test_limit_and_items_and_only(suite_of):
    path = suite_of(models=["zip", "lossy"], datasets=[{"name": "words", "items": ["*1", "*4"]}])
    assert {n.item.id for n in planned(path).nodes} == {"text00001", "text00004"}
    assert {n.item.id for n in planned(path, limit=1).nodes} == {"text00001"}
    left = {n.entry.label for n in planned(path, only=["l*"]).nodes if n.verdict is None}
    assert left == {"lossy"}
    with pytest.raises(UsageError, match=r"--only zup: no such row \(did you mean 'zip'\?\)"):
        planned(path, only=["zup"])
    bad = suite_of(datasets=[{"name": "words", "items": ["text00009"]}])
    with pytest.raises(UsageError, match=r"dataset words: no item 'text00009' \(did you mean"):
        planned(bad)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('inputs=("checkpoint", "row")', 'inputs=("chekpoint",)', "no earlier stage leaves 'chek"),
        ('per=("item", "seed")', 'per=("item",)', "reads 'checkpoint', made per seed, and is not"),
        ("    return [Item(", "    raise KeyError('x')\n    return [Item(", "rows: KeyError: 'x'"),
        ("    return [Item(", "    raise ValueError('torn')\n    return [Item(", "rows: torn"),
        ("def index(", "def indeks(", "dataset rows: AttributeError"),
        ('Item(f"r{n}"', 'Item("r"', "dataset rows: two items are called 'r'"),
    ],
)
def test_mistakes_of_a_family_are_one_clear_line(trained, old, new, fault):
    assert old in TRAINED
    with pytest.raises(UsageError) as caught:
        planned(trained(TRAINED.replace(old, new)))
    assert fault in str(caught.value)
    assert len(caught.value.lines) == 1


def test_a_factory_that_does_not_exist_is_left_to_its_nodes(trained):
    plan = planned(trained(TRAINED.replace('factory="trained:Mean"', 'factory="gone.model:Mean"')))
    assert all(n.verdict is None for n in plan.nodes)


def test_fan_in_seeds_and_scores_of_sets(trained, run):
    done = run(trained(), jobs=2)
    assert done.done.outcomes == {"ok": 24}
    rows = [r for r in done.table("scores") if not r["metric"].endswith("_seconds")]
    found = {(r["metric"], r["item"], r["seed"]): r["value"] for r in rows}
    for seed in (0, 7):
        checkpoint = 0 + 1 + 2 + 3 + seed
        for n in range(4):
            assert found["miss", f"r{n}", seed] == checkpoint * 100
        assert found["spread", None, seed] == 3 + 0.006
        assert found["total", None, seed] == 4 * checkpoint * 100 + 6
    assert len(found) == 12


def test_a_new_seed_runs_only_its_own_nodes(trained, run):
    run(trained(seeds=[0]))
    again = run(trained(seeds=[0, 1]))
    assert {e["seed"] for e in again.ran} == {1}
    assert len(again.ran) == 12


def test_equal_content_is_scored_once(suite_of, run, tmp_path):
    twice = [{"name": "zip", "label": "a"}, {"name": "zip", "label": "b"}]
    done = run(suite_of(models=twice), jobs=1)
    stages = [e for e in done.ended if e["kind"] == "stage"]
    assert len({e["key"] for e in stages}) == len(stages) / 2
    records = (tmp_path / "results" / "store" / "journal.jsonl").read_bytes()
    assert records.count(b'"kind":"score"') == len({e["key"] for e in done.ended}) - len(
        {e["key"] for e in stages}
    )


def test_a_forecast_counts_what_is_missing_and_estimates_it(suite_of, run, tmp_path):
    path, results = suite_of(), tmp_path / "results"

    def told(path: Path):
        suite, registry = open_suite(str(path), ())
        return forecast(suite, registry, results, only=(), limit=None, jobs=2)[1]

    first = told(path)
    assert (first.total, first.done, first.missing, first.seconds) == (24, 0, 24, None)
    run(path)
    assert (told(path).done, told(path).missing) == (24, 0)
    more = told(suite_of(datasets=[{"name": "words", "params": {"count": 5}}]))
    assert (more.total, more.done, more.missing, more.unknown) == (40, 24, 16, 0)
    assert more.seconds is not None
    assert more.seconds > 0


def test_the_text_of_an_item_is_hashed_as_it_is(trained):
    items = planned(trained()).datasets["rows"]
    assert items[2].sha256 == hashlib.sha256(b"2").hexdigest()


def test_a_dataset_is_called_by_what_the_suite_says_of_it(suite_of):
    uses = ["words", {"name": "words", "params": {"count": 3}}]
    suite, _ = open_suite(str(suite_of(datasets=uses[1:])), ())
    default = suite.datasets[0].dataset.params["count"]
    assert [dataset_label(use) for use in suite.datasets] == ["words(count=3)"]
    again, _ = open_suite(
        str(suite_of(datasets=[{"name": "words", "params": {"count": default}}])), ()
    )
    assert dataset_label(again.datasets[0]) == f"words(count={default})"
    plain, _ = open_suite(str(suite_of(datasets=uses[:1])), ())
    assert dataset_label(plain.datasets[0]) == "words"
