"""The suite from end to end: generators learn, detectors learn from them, and a board tells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import harness_suites
from harness.api import open_suite, run_opened
from harness.store.tables import read_table
from harness_plugins.generative.downstream import METRICS
from harness_plugins.local.published_csv import read

FOLDER = Path(harness_suites.__file__).parent
SMALL = {"common": 6, "few": 2, "filled": 8, "scenes": 20, "steps": 4, "budget": 32}
BROKEN = """
import numpy as np
from harness import Model, hookimpl

class Broken:
    def __init__(self, how):
        self.how = how

    def generate(self, prompts, seeds, point):
        count = len(prompts) - (self.how == "few")
        images = np.full((count, 16, 16, 3), 90, np.uint8)
        return {"black": images * 0, "nan": images * np.nan}.get(self.how, images)

@hookimpl
def harness_models():
    return [
        Model(name="broken", family="generative", factory="broken:Broken", params={"how": ""})
    ]
"""


class Run:
    def __init__(self, suite, results):
        self.events = []
        opened, registry = open_suite(str(suite), ())
        self.done = run_opened(opened, registry, results=results, emit=self.events.append, jobs=1)
        self.folder = results / opened.name

    def nodes(self, step):
        return [e for e in self.events if e["event"] == "node" and e["step"] == step]

    def table(self, name):
        return read_table(self.folder / f"{name}.parquet")[0]


def written(folder, models, **changes):
    suite = {
        "name": "worth",
        "tasks": ["generative/downstream"],
        "datasets": [{"name": "rare_shapes", "params": SMALL}],
        "models": models,
        "metrics": [metric.name for metric in METRICS] + ["rule_accuracy"],
        "seeds": [0, 1],
        "board": {"rank_by": "map50_gain"},
    } | changes
    path = folder / f"{suite['name']}.yaml"
    path.write_text(json.dumps(suite))
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worth")
    return Run(written(folder, ["more-real", "noise-images"]), folder / "results")


@pytest.mark.slow
def test_all_ends_well_and_real_pictures_are_learned_once_for_all(ran):
    assert ran.done.exit_code == 0
    assert {e["outcome"] for e in ran.events if e["event"] == "node"} == {"ok"}
    real = {e["key"] for e in ran.nodes("train_real")}
    assert len(real) == 2  # seeds
    assert len({e["key"] for e in ran.nodes("train_augmented")}) == 2 * 2


@pytest.mark.slow
def test_the_gain_is_the_difference_scene_by_scene(ran):
    values = {
        (r["entry"], r["metric"], r["seed"], r["item"]): r["value"] for r in ran.table("scores")
    }
    gains = {key: value for key, value in values.items() if key[1] == "map50_gain"}
    assert len(gains) == 2 * 2 * 20
    for (entry, _, seed, item), gain in gains.items():
        before = values[entry, "map50_real", seed, item]
        after = values[entry, "map50_augmented", seed, item]
        assert gain == pytest.approx(after - before)
    real = {
        (seed, item, round(value, 9))
        for (_, name, seed, item), value in values.items()
        if name == "map50_real"
    }
    assert len(real) == 2 * 20  # the same of every model


@pytest.mark.slow
def test_the_board_tells_what_was_drawn_and_what_it_added(ran):
    shares = {}
    for row in ran.table("scores"):
        if row["metric"] == "rule_accuracy":
            shares.setdefault(row["entry"], []).append(row["value"])
    assert np.mean(shares["more-real"]) == 1
    assert np.mean(shares["noise-images"]) < 0.5
    board = (ran.folder / "board.html").read_text()
    for words in ("map50_gain", "Right pictures and what they add", "those of the rare class"):
        assert words in board


@pytest.mark.slow
def test_pictures_that_are_none_end_in_one_clear_row_and_stop_nobody_else(tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    hows = {
        "few": "gave 11 images for 12 prompts",
        "black": "is all black, as a safety checker leaves it",
        "nan": "expected uint8 in 0…255, got float64",
    }
    models = [{"name": "broken", "label": how, "params": {"how": how}} for how in hows]
    path = written(
        tmp_path, [*models, "more-real"], plugins=[str(tmp_path / "broken.py")], seeds=[0]
    )
    done = Run(path, tmp_path / "results")
    ended = {e["entry"]: (e["outcome"], e["reason"]) for e in done.nodes("generate")}
    assert ended.pop("more-real")[0] == "ok"
    for how, said in hows.items():
        outcome, reason = ended[how]
        assert outcome == "invalid"
        assert said in reason
        assert "\n" not in reason
    measured = {r["entry"] for r in done.table("scores") if r["metric"] == "map50_gain"}
    assert measured == {"more-real"}


def test_the_shipped_suite_is_valid_and_brings_the_published_table():
    suite, _ = open_suite("downstream-quick", ())
    assert [path.name for path in suite.published] == ["downstream.published.csv"]
    assert len(suite.seeds) >= 2


def test_the_published_table_is_the_printed_one():
    path = FOLDER / "downstream.published.csv"
    scores = read(path, path.read_bytes())
    assert {(s.model, s.metric): s.value for s in scores} == {
        ("Real images", "map_published"): 50.2,
        ("Real + generated images", "map_published"): 57.7,
    }
    assert {(s.dataset, s.unit, s.better) for s in scores} == {("*", "%", "higher")}
