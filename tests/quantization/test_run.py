"""A variant of a codec through worker processes: the decoder runs in another than the encoder."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
import pytest
import torch

import harness
from harness_plugins.codec_compressai.networks import network_class


@pytest.fixture
def checkpoint(tmp_path):
    """Write an untrained hyperprior network, seed 0; its path and sha256."""
    torch.manual_seed(0)
    network = network_class("bmshj2018-hyperprior")(12, 16)
    with torch.no_grad():
        for parameter in network.g_a.parameters():
            if parameter.ndim == 4:
                parameter.mul_(3.0)  # latents spread over several integers
    network.update(force=True)
    path = tmp_path / "network.pth.tar"
    torch.save(network.state_dict(), path)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


@pytest.mark.slow
def test_a_quantised_codec_decodes_what_it_encoded(tmp_path, checkpoint):
    calibration = {"name": "odd_sizes", "items": ["500x400"]}
    suite = tmp_path / "suite.yaml"
    form = {
        "name": "quantised",
        "tasks": ["codec/conformance"],
        "datasets": [{"name": "odd_sizes", "items": ["1x1", "17x33"]}],
        "models": [
            {
                "name": "compressai-checkpoint",
                "params": {"checkpoints": [checkpoint]},
                "variants": ["base", {"w8a8": {"calibration": calibration}}],
            }
        ],
        "metrics": ["bpp", "decode_repeatable", "encode_repeatable", "size_kept"],
    }
    suite.write_text(json.dumps(form))
    done = harness.run(suite, results=tmp_path / "results", jobs=1)
    nodes = pd.read_parquet(done.files["nodes"])
    assert set(nodes["outcome"]) == {"ok"}, nodes[["step", "outcome", "reason"]]
    scores = pd.read_parquet(done.files["scores"])
    kept = scores[scores["metric"].isin(["decode_repeatable", "encode_repeatable", "size_kept"])]
    assert len(kept) == 3 * 2 * 2  # metrics, variants, items
    assert set(kept["value"]) == {1.0}
    sizes = scores[scores["metric"] == "bpp"].set_index(["variant", "item"])["value"]
    assert sizes["w8a8", "17x33"] != sizes["base", "17x33"]
    for notes in nodes[(nodes["step"] == "decode") & (nodes["variant"] == "w8a8")]["notes"]:
        assert json.loads(notes)["quantization"]["weights"] == "int8"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "dataset", "params", "model", "given", "metrics"),
    [
        (
            "policy/imitation",
            "confounded_bandit",
            {"episodes": 50, "demonstrations": 60, "heldout": 10},
            "bc",
            {"transitions": 20000},
            ["episode_return", "weight_bytes", "params_m"],
        ),
        (
            "causal/pairs",
            "linear_son",
            {"d": 2, "problems": 1, "train": 400, "val": 200, "test": 300},
            "beta_vae",
            {"steps": 60},
            ["mean_corr_coef", "weight_bytes", "params_m"],
        ),
    ],
)
def test_variants_of_what_is_trained_share_its_training(
    tmp_path, task, dataset, params, model, given, metrics
):
    calibration = {"name": dataset, "params": params}
    suite = tmp_path / "suite.yaml"
    form = {
        "name": "trained",
        "tasks": [task],
        "datasets": [{"name": dataset, "params": params}],
        "models": [
            {
                "name": model,
                "params": given,
                "variants": [
                    "base",
                    *({v: {"calibration": calibration}} for v in ("w8a8", "w4a8")),
                ],
            }
        ],
        "metrics": metrics,
    }
    suite.write_text(json.dumps(form))
    done = harness.run(suite, results=tmp_path / "results", jobs=1)
    nodes = pd.read_parquet(done.files["nodes"])
    assert set(nodes["outcome"]) <= {"ok", "skipped"}, nodes[["step", "outcome", "reason"]]
    fits = nodes[nodes["step"] == "fit"]
    assert len(fits) == 3
    assert len(set(fits["key"])) == 1  # trained once for all three rows
    scores = pd.read_parquet(done.files["scores"])
    found = scores.set_index(["metric", "variant"])["value"]
    assert len(set(found[metrics[0]])) > 1  # few bits change what it does
    assert found["params_m", "w4a8"] == found["params_m", "base"]
    assert found["weight_bytes", "w4a8"] < found["weight_bytes", "w8a8"]
    assert found["weight_bytes", "w8a8"] < found["weight_bytes", "base"]
