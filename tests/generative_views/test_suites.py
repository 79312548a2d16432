"""The suites from end to end: models learn and render in workers, and stand on a board."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import harness_suites
from harness.api import open_suite, run_opened
from harness.store import Store
from harness.store.tables import read_table
from harness_plugins.local.published_csv import read

FOLDER = Path(harness_suites.__file__).parent
SMALL = {"objects": 4, "block": 2, "targets": 1, "training": 4, "budget": 16}
TINY = {"planes": 3, "width": 4, "channels": 4, "decoder": 8}


class Run:
    def __init__(self, suite, results, **options):
        self.events, self.results = [], results
        opened, registry = open_suite(str(suite), ())
        self.name = opened.name
        self.done = run_opened(
            opened, registry, results=results, emit=self.events.append, **options
        )

    def nodes(self, step):
        return [e for e in self.events if e["event"] == "node" and e["step"] == step]

    def table(self, name):
        return read_table(self.results / self.name / f"{name}.parquet")[0]

    def artifacts(self, name):
        records = Store(self.results / "store").records.values()
        return {
            (
                r["about"]["entry"],
                json.dumps(r["about"]["point"]),
                r["about"]["item"],
                r["about"]["seed"],
            ): (r["artifacts"][name][0])
            for r in records
            if name in r.get("artifacts", {})
        }


def written(folder, models, **changes):
    suite = {
        "name": "views",
        "tasks": ["generative/novel-views"],
        "datasets": [{"name": "boxes", "params": SMALL}],
        "models": models,
        "metrics": ["psnr_views", "silhouette_iou", "views_given", "gmacs"],
        "seeds": [0, 1],
        "board": {"rank_by": "psnr_mean_over_views"},
    } | changes
    path = folder / f"{suite['name']}.yaml"
    path.write_text(json.dumps(suite))
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    models = ["nearest-view", "blended-views", {"name": "plane-sweep", "params": TINY}]
    return Run(written(folder, models), folder / "results")


@pytest.mark.slow
def test_all_ends_well_and_every_object_has_a_row(ran):
    assert {e["outcome"] for e in ran.nodes("render")} == {"ok"}
    assert ran.done.exit_code == 0
    rows = [r for r in ran.table("scores") if r["metric"] == "psnr_views"]
    assert {r["item"] for r in rows} == {f"block{b}:{k}" for b in (0, 1) for k in (0, 1)}
    assert len(rows) == 3 * 4 * 4 * 2  # rows, numbers of views, objects, seeds
    given = {
        (r["point"]["views"], r["value"])
        for r in ran.table("scores")
        if r["metric"] == "views_given"
    }
    assert given == {(n, float(n)) for n in (1, 2, 3, 4)}


@pytest.mark.slow
def test_what_is_learned_and_rendered_is_the_same_bytes_again(ran, tmp_path):
    models = [{"name": "plane-sweep", "params": TINY}]
    again = Run(written(tmp_path, models), tmp_path / "results", jobs=1)
    for name, count in (("checkpoint", 2), ("renderings", 16)):
        first, second = ran.artifacts(name), again.artifacts(name)
        assert len(second) == count
        assert {k: first[k] for k in second} == second
    assert set(ran.artifacts("truth").values()) == set(again.artifacts("truth").values())
    assert len(set(again.artifacts("checkpoint").values())) == 2  # one for each seed


@pytest.mark.slow
def test_learning_is_not_done_again_when_more_objects_are_evaluated(ran):
    models = [{"name": "plane-sweep", "params": TINY}]
    datasets = [{"name": "boxes", "params": SMALL | {"objects": 6}}]
    path = written(ran.results.parent, models, name="more", datasets=datasets)
    more = Run(path, ran.results)
    assert all(e["cached"] for e in more.nodes("fit"))
    assert sorted(e["cached"] for e in more.nodes("render")) == [False] * 8 + [True] * 16


@pytest.mark.slow
def test_the_board_has_a_number_for_each_row_and_cost_for_each_number_of_views(ran):
    rows = ran.table("scores")
    gmacs = {
        r["point"]["views"]: r["value"]
        for r in rows
        if r["metric"] == "gmacs" and "plane-sweep" in r["entry"]
    }
    assert list(np.diff([gmacs[n] for n in (1, 2, 3, 4)]) > 0) == [True] * 3
    board = (ran.results / ran.name / "board.html").read_text()
    for words in ("psnr_mean_over_views", "psnr_gain_of_views", "Views and PSNR"):
        assert words in board


@pytest.mark.parametrize("name", ["novel-views-quick", "novel-views-gso"])
def test_shipped_suites_are_valid_and_bring_the_published_table(name):
    suite, _ = open_suite(name, ())
    assert suite.name == name
    assert [path.name for path in suite.published] == ["novel-views.published.csv"]


def test_the_published_table_is_the_printed_one():
    path = FOLDER / "novel-views.published.csv"
    scores = read(path, path.read_bytes())
    found = {(s.model, s.metric): s.value for s in scores}
    psnr = {"DietNeRF": 8.93, "SJC-I": 5.91, "IV": 6.57, "Zero123": 19.0}
    lpips = {"DietNeRF": 0.412, "SJC-I": 0.545, "IV": 0.484, "Zero123": 0.115}
    valid = [
        (20.03, 0.091, 87.2),
        (20.41, 0.085, 87.8),
        (21.05, 0.073, 88.8),
        (21.30, 0.069, 91.4),
    ]
    expected = {(m, "psnr_published"): v for m, v in psnr.items()}
    expected |= {(m, "lpips_published"): v for m, v in lpips.items()}
    for row, views in zip(valid, ("1 view", "2 views", "3 views", "4 views"), strict=True):
        for metric, value in zip(("psnr", "lpips", "gmacs"), row, strict=True):
            expected[f"VaLID ({views})", f"{metric}_published"] = value
    assert found == expected
    assert {s.dataset for s in scores} == {"*"}
    assert {s.better for s in scores if s.metric != "psnr_published"} == {"lower"}


@pytest.mark.slow
def test_quantised_variants_share_what_was_learned_and_are_calibrated_on_views(ran):
    calibrated = {"name": "boxes", "params": SMALL, "items": ["block0"]}
    models = [
        {
            "name": "plane-sweep",
            "params": TINY,
            "points": {"views": [1, 4]},
            "variants": ["base", {"w4a8": {"calibration": calibrated}}],
        }
    ]
    done = Run(written(ran.results.parent, models, name="few-bits", seeds=[0]), ran.results)
    assert all(e["cached"] for e in done.nodes("fit"))
    renders = done.nodes("render")
    assert {e["outcome"] for e in renders} == {"ok"}
    assert len(renders) == 8
    pictures = done.artifacts("renderings")
    assert len({d for (entry, *_), d in pictures.items() if "w4a8" in entry}) == 4
