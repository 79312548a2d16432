"""A whole run: cost stands on the board where quality is unavailable."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import harness


@pytest.mark.slow
def test_cost_rows_stand_and_quality_says_why_it_does_not(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    form = {
        "name": "transform",
        "tasks": ["codec/image"],
        "datasets": [{"name": "odd_sizes", "items": ["768x512"]}],
        "models": ["conv-hyperprior", "conv-charm"],
        "metrics": ["gmacs_decode", "gmacs_deepspeed_decode", "psnr_rgb"],
    }
    path.write_text(json.dumps(form))
    done = harness.run(path, results=tmp_path / "results", jobs=1)
    nodes = pd.read_parquet(done.files["nodes"])
    outcomes = nodes.groupby("step")["outcome"].unique().map(set).to_dict()
    assert outcomes["cost"] == {"ok"}
    assert outcomes["encode"] == {"unavailable"}
    [reason] = set(nodes[nodes["step"] == "encode"]["reason"])
    assert "its authors published no weights" in reason
    scores = pd.read_parquet(done.files["scores"])
    found = scores.dropna(subset="value").set_index(["entry", "metric"])["value"].to_dict()
    assert {key: round(value, 3) for key, value in found.items()} == {
        ("conv-hyperprior", "gmacs_decode"): 100.288,
        ("conv-hyperprior", "gmacs_deepspeed_decode"): 349.587,
        ("conv-charm", "gmacs_decode"): 112.403,
        ("conv-charm", "gmacs_deepspeed_decode"): 361.702,
    }
