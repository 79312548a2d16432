"""The task as a suite: declarations, a run to a board, votes and published numbers on it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.api import open_suite
from harness.cli import harness as program
from harness.registry import Registry
from harness_plugins.generative.solids import IMPORTERS, METRICS, PANELS, TASK
from harness_plugins.generative.solids.hexaview import VIEWS
from harness_plugins.local.published_csv import read as read_csv

SUITES = Path(harness.__file__).parents[1] / "suites"
SUITE = """\
name: few
tasks: [generative/text-to-3d]
datasets:
  - name: coloured_primitives
    params: {count: 6, block: 6, size: 32, train: 24, budget: 300}
models:
  - primitive-builder
  - any-primitive
  - {name: hexaview-diffusion, params: {codes: 8, width: 16, blocks: 1}}
metrics: [view_alignment, "*_faults", view_consistency, watertight, clip_score_b32_views, gmacs]
board: {rank_by: view_alignment}
"""


def refs(record):
    """Yield the references that a record names."""
    for name in ("run", "factory", "compute", "read", "thumbnail", "index", "load"):
        if isinstance(getattr(record, name, None), str):
            yield getattr(record, name)


@pytest.mark.parametrize("record", [*TASK.stages, *METRICS, *PANELS, *IMPORTERS])
def test_what_is_declared_is_there(record):
    for ref in refs(record):
        module, _, attribute = ref.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_metrics_pin_how_they_are_made():
    signatures = [metric.signature for metric in METRICS]
    assert len(set(signatures)) == len(signatures)
    assert all(signature.endswith("|v1") for signature in signatures)
    assert {f"alignment_{view}" for view in VIEWS} <= {metric.name for metric in METRICS}


def test_metrics_without_weights_are_unavailable_and_say_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    metric = next(m for m in METRICS if m.name == "clip_score_b32_views")
    assert metric.inputs == ("views",)
    module, _, attribute = metric.factory.partition(":")
    pytest.importorskip("open_clip")
    with pytest.raises(harness.Unavailable) as raised:
        getattr(importlib.import_module(module), attribute)(**metric.params)
    assert "harness weights pull clip_score_b32_views" in raised.value.remedy


def test_declarations_import_nothing_heavy():
    code = (
        "import sys, harness_plugins.generative.solids, harness_plugins.generative_solids;"
        "print([m for m in ('torch', 'trimesh', 'skimage', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shipped_suite_is_in_order():
    suite, _ = open_suite("text-to-3d-quick", ())
    assert len(suite.entries) == 6
    assert len(suite.metrics) == 17
    assert [path.name for path in suite.published] == ["text-to-3d.published.csv"]


def test_hexagen3d_s_table_is_quoted_as_it_stands():
    path = SUITES / "text-to-3d.published.csv"
    found = {(s.model, s.metric): s.value for s in read_csv(path, path.read_bytes())}
    table = {
        "MVDream": (194 * 60, 30.35, 0.97),
        "TextMesh": (23 * 60, 25.06, 0.12),
        "DreamFusion": (22 * 60, 28.91, 0.59),
        "HexaGen3D": (7, 29.58, 0.73),
    }
    metrics = ("shape_seconds", "clip_score_published", "user_preference")
    assert found == {
        (model, metric): value
        for model, row in table.items()
        for metric, value in zip(metrics, row, strict=True)
    }


@pytest.mark.slow
def test_a_suite_runs_to_a_board_with_votes(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    (tmp_path / "few.yaml").write_text(SUITE)
    votes = tmp_path / "votes.csv"
    votes.write_text(
        "prompt,left,right,choice\n"
        "red cube,primitive-builder,any-primitive,left\n"
        "red cube,any-primitive,primitive-builder,tie\n"
    )
    results = tmp_path / "results"
    program(["import", str(votes), "--results", str(results)], standalone_mode=False)
    done = harness.run(tmp_path / "few.yaml", results=results)
    assert done.exit_code == 0
    assert set(done.outcomes) == {"ok", "unavailable", "skipped"}
    board = harness.load_board(results / "few")
    of = board.dropna(subset=["value"]).groupby(["metric", "entry"])["value"].first()
    assert of["user_preference"].to_dict() == {"primitive-builder": 0.75, "any-primitive": 0.25}
    aligned = of["view_alignment"]
    assert aligned["primitive-builder"] > 0.9
    assert aligned["any-primitive"] < 0.3
    whole = sum(of[name] for name in ("view_alignment", "colour_faults", "shape_faults"))
    assert (whole + of["relation_faults"]).round(6).eq(1).all()
    assert (of["view_consistency"] == 1).all()
    assert of["gmacs"].index.tolist() == ["hexaview-diffusion(codes=8,width=16,blocks=1)"]
    page = (results / "few" / "board.html").read_text()
    assert "What the views show, and what is wrong with them" in page
    assert "harness weights pull clip_score_b32_views" in page


def test_models_are_of_the_family_and_available():
    registry = Registry.load(())
    names = ("primitive-builder", "any-primitive", "solid-retrieval", "hexaview-diffusion")
    assert {registry.get("models", name).family for name in names} == {"generative"}
