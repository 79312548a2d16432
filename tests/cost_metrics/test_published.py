"""Published device tables on a board: rows and columns of their own, never ranked."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.api import open_suite, run_opened
from harness.board import make_board
from harness.cli.import_ import command

TOY = Path(__file__).resolve().parents[1] / "toy" / "toy.py"
TABLE = {
    "precisions": {
        "float": {
            "components": {
                "Net": {
                    "performance_metrics": {
                        "Phone A": {
                            "tflite": {
                                "job_id": "j1",
                                "job_status": "Passed",
                                "inference_time_milliseconds": 3.25,
                                "estimated_peak_memory_range_mb": {"min": 1, "max": 52},
                                "primary_compute_unit": "NPU",
                                "layer_counts": {"total": 80, "npu": 60, "cpu": 20},
                            }
                        }
                    }
                }
            }
        }
    }
}
ROW = "net (float, Phone A, tflite)"


@pytest.fixture
def board(tmp_path):
    """Return a function that makes the board of a toy suite, after an import."""
    file = tmp_path / "net.perf.yaml"
    file.write_text(json.dumps(TABLE))
    results = tmp_path / "results"
    args = [str(file), "--format", "aihub-perf", "--source", "AI Hub Models 0.47"]
    done = CliRunner().invoke(command, [*args, "--results", str(results)])
    assert done.exit_code == 0, done.output
    assert f"3 scores of {ROW}" in " ".join(done.output.split())

    def make(published):
        suite = tmp_path / "suite.yaml"
        content = {
            "name": "toy",
            "plugins": [str(TOY)],
            "tasks": ["toy/squeeze"],
            "datasets": [{"name": "words", "params": {"count": 3}}],
            "models": ["zip"],
            "metrics": ["size"],
            "board": {"rank_by": "size", "columns": ["size"], "published": published},
        }
        suite.write_text(json.dumps(content))
        opened, registry = open_suite(str(suite), ())
        run_opened(opened, registry, results=results)
        return make_board(opened, results)

    return make


def test_a_published_table_stands_beside_what_was_measured(board):
    made = board(["net (*"])
    columns = {c.name: c for c in made.columns}
    assert columns["published_latency_ms"].unit == "ms"
    assert columns["published_latency_ms"].better == "none"
    assert columns["published_npu_share"].shown
    rows = {row.entry: row for row in made.tables[0].rows}
    quoted = rows[ROW]
    assert quoted.kind == "published"
    assert quoted.rank is None
    assert quoted.source.startswith("AI Hub Models 0.47 sha256:")
    assert quoted.cells["published_latency_ms"].value == 3.25
    assert "|job:j1|" in quoted.cells["published_latency_ms"].signature
    assert not quoted.cells["published_latency_ms"].best
    assert "size" not in quoted.cells or math.isnan(quoted.cells["size"].value)
    assert "published_latency_ms" not in rows["zip"].cells


def test_it_stands_only_where_it_is_asked_for_by_name(board):
    made = board(["*"])
    assert [c.name for c in made.columns if c.name.startswith("published_")] == []
    assert {row.kind for row in made.tables[0].rows} == {"measured"}
