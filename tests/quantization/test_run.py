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
