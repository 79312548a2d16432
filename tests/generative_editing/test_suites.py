"""The suites from end to end: a model learns, inverts and edits in workers, and has a row."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import harness_suites
from harness.api import open_suite, run_opened
from harness.store.tables import read_table
from harness_plugins.local.published_csv import read

FOLDER = Path(harness_suites.__file__).parent
SMALL = {"videos": 2, "block": 2, "training": 8, "budget": 16}
TINY = {"width": 32, "depth": 1, "batch": 4, "rate": 3e-3}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("editing")
    suite = {
        "name": "editing",
        "tasks": ["generative/video-editing"],
        "datasets": [{"name": "moving_shapes", "params": SMALL}],
        "models": [
            "copy-frames",
            "exact-recolour",
            {
                "name": "video-diffusion",
                "params": TINY,
                "points": {"steps": [10]},
                "variants": ["base", "object-centric"],
            },
        ],
        "metrics": [
            "psnr_video",
            "background_psnr",
            "edit_rule_accuracy",
            "gmacs",
            "gmacs_invert",
            "gmacs_edit",
            "identity_kept",
        ],
        "seeds": [0, 1],
        "board": {"rank_by": "psnr_video", "columns": ["psnr_video", "work_saving"]},
    }
    path = folder / "editing.yaml"
    path.write_text(json.dumps(suite))
    opened, registry = open_suite(str(path), ())
    done = run_opened(opened, registry, results=folder / "results", emit=lambda _event: None)
    assert done.exit_code == 0
    return {
        name: read_table(folder / "results" / "editing" / f"{name}.parquet")[0]
        for name in ("scores", "nodes", "board")
    }


def values(tables, metric, entry=""):
    rows = tables["scores"]
    return [r["value"] for r in rows if r["metric"] == metric and entry in r["entry"]]


@pytest.mark.slow
def test_each_video_of_each_row_has_its_scores(tables):
    for metric in ("psnr_video", "background_psnr", "edit_rule_accuracy"):
        assert len(values(tables, metric)) == 4 * 2 * 2  # rows, videos, seeds
    assert values(tables, "background_psnr", "copy-frames") == [100.0] * 4
    assert values(tables, "background_psnr", "exact-recolour") == [100.0] * 4
    assert values(tables, "edit_rule_accuracy", "copy-frames") == [0.0] * 4
    assert values(tables, "edit_rule_accuracy", "exact-recolour") == [1.0] * 4


@pytest.mark.slow
def test_inverting_and_editing_have_times_and_work_of_their_own(tables):
    for step in ("invert", "edit"):
        assert min(values(tables, f"{step}_seconds", "video-diffusion")) > 0
        (cheap,) = values(tables, f"gmacs_{step}", "+object-centric")
        (plain,) = set(values(tables, f"gmacs_{step}")) - {cheap}
        assert plain > 2 * cheap > 0
    assert all(math.isnan(s) for s in values(tables, "invert_seconds", "copy-frames"))
    assert all(s > 0 for s in values(tables, "edit_seconds", "copy-frames"))


@pytest.mark.slow
def test_a_saving_that_does_nothing_changes_nothing_in_a_run(tables):
    assert values(tables, "identity_kept", "+object-centric") == [1.0]
    skipped = {n["reason"] for n in tables["nodes"] if n["outcome"] == "skipped"}
    assert "the model is not accelerated: there is nothing to compare" in skipped


@pytest.mark.slow
def test_the_board_tells_how_much_work_is_saved(tables):
    saved = [r for r in tables["board"] if r["metric"] == "work_saving"]
    assert len(saved) == 1
    assert saved[0]["value"] > 2


@pytest.mark.parametrize("name", ["video-editing-quick", "video-editing-davis"])
def test_shipped_suites_are_valid_and_bring_the_published_table(name):
    suite, _ = open_suite(name, ())
    assert suite.name == name
    assert [path.name for path in suite.published] == ["video-editing.published.csv"]


def test_the_published_table_is_the_printed_one():
    path = FOLDER / "video-editing.published.csv"
    scores = read(path, path.read_bytes())
    names = ("temporal_consistency", "clip_score", "inversion_seconds", "generation_seconds")
    printed = {
        "FateZero": (0.961, 0.344, 135.80, 41.34, 177.14),
        "FateZero + Object-Centric": (0.967, 0.331, 8.22, 9.29, 17.51),
        "ControlVideo": (0.972, 0.318, None, None, 152.64),
        "ControlVideo + Object-Centric": (0.977, 0.313, None, None, 25.21),
    }
    expected = {
        (model, f"{name}_published"): value
        for model, row in printed.items()
        for name, value in zip((*names, "overall_seconds"), row, strict=True)
        if value is not None
    }
    assert {(s.model, s.metric): s.value for s in scores} == expected
    for model in ("FateZero", "FateZero + Object-Centric"):
        both = [expected[model, f"{w}_seconds_published"] for w in ("inversion", "generation")]
        assert sum(both) == pytest.approx(expected[model, "overall_seconds_published"])
    assert {s.better for s in scores if s.metric.endswith("_seconds_published")} == {"lower"}
