"""Whole runs of the model ``compressai-checkpoint``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import harness
from harness.api import open_suite
from harness.run.plan import make_plan

Write = Callable[..., dict[str, str]]


def suite(folder: Path, models: list[Any], **parts: Any) -> Path:
    path = folder / "suite.yaml"
    form = {
        "name": "own",
        "tasks": ["codec/conformance"],
        "datasets": [{"name": "odd_sizes", "items": ["1x1", "17x33"]}],
        "models": models,
        "metrics": ["bpp", "decode_repeatable", "encode_repeatable", "size_kept"],
        **parts,
    }
    path.write_text(json.dumps(form))
    return path


def row(architecture: str, *entries: dict[str, str], label: str = "") -> dict[str, Any]:
    return {
        "name": "compressai-checkpoint",
        "label": label or architecture,
        "params": {"architecture": architecture, "checkpoints": list(entries)},
        "points": {"quality": list(range(1, 1 + len(entries)))},
    }


@pytest.mark.slow
def test_conformance_in_other_processes_and_with_two_threads(
    tmp_path: Path, write_checkpoint: Write
) -> None:
    models = [row("mbt2018", write_checkpoint("mbt2018", 0), write_checkpoint("mbt2018", 1))]
    done = harness.run(suite(tmp_path, models), results=tmp_path / "results", jobs=1)
    nodes = pd.read_parquet(done.files["nodes"])
    assert set(nodes["outcome"]) == {"ok"}, nodes[["step", "outcome", "reason"]]
    scores = pd.read_parquet(done.files["scores"])
    promises = scores[
        scores["metric"].isin(["decode_repeatable", "encode_repeatable", "size_kept"])
    ]
    assert len(promises) == 3 * 2 * 2  # metrics, points, items
    assert set(promises["value"]) == {1.0}
    encoded = nodes[nodes["step"] == "encode"]
    for notes in encoded["notes"]:
        kept = json.loads(notes) if isinstance(notes, str) else notes
        assert kept["header_bytes"] < 10 < kept["payload_bytes"]
        assert kept["estimated_bits"] > 0


def test_another_file_under_the_same_path_has_other_keys(
    tmp_path: Path, write_checkpoint: Write
) -> None:
    path = tmp_path / "mine.pth.tar"
    keys = []
    for seed in (0, 1, 0):
        entry = write_checkpoint("bmshj2018-factorized", seed)
        path.write_bytes(Path(entry["path"]).read_bytes())
        models = [row("bmshj2018-factorized", entry | {"path": str(path)}, label="mine")]
        plan = make_plan(*open_suite(str(suite(tmp_path, models)), ()))
        keys.append({node.key({}) for node in plan.nodes if node.step == "encode"})
        assert not any(node.verdict for node in plan.nodes)
    assert keys[0] == keys[2]
    assert not keys[0] & keys[1]


def test_rows_without_a_file_or_with_another_say_so_and_start_nothing(
    tmp_path: Path, write_checkpoint: Write
) -> None:
    entry = write_checkpoint("bmshj2018-factorized")
    models = [
        row("mbt2018", {"path": str(tmp_path / "none.pth"), "sha256": "0" * 64}, label="none"),
        row("mbt2018", entry | {"sha256": "0" * 64}, label="other"),
        row("mbt2018", {"path": entry["path"]}, label="undigested"),
        {"name": "compressai-mbt2018-mean"},
    ]
    done = harness.run(suite(tmp_path, models), results=tmp_path / "results", jobs=1)
    nodes = pd.read_parquet(done.files["nodes"])
    encodes = nodes[nodes["step"] == "encode"].drop_duplicates("entry").set_index("entry")
    assert encodes["outcome"].to_dict() == {
        "none": "unavailable",
        "other": "error",
        "undigested": "error",
        "compressai-mbt2018-mean": "unavailable",
    }
    assert "is another file" in encodes["reason"]["other"]
    assert f"sha256: {entry['sha256']}" in encodes["reason"]["undigested"]
    assert "harness weights pull" in encodes["reason"]["compressai-mbt2018-mean"]
