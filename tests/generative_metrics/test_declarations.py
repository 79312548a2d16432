from __future__ import annotations

import re
import subprocess
import sys

import pytest

from harness.registry import resolve
from harness_plugins.generative import metrics
from harness_plugins.generative.metrics import weights
from harness_plugins.generative.metrics.extractors import INCEPTION_WAYS
from harness_plugins.generative.metrics.resize import SIGNATURES

ALL = (
    *metrics.ALIGNMENT,
    *metrics.SETS,
    *metrics.pair_metrics("target", "views"),
    *metrics.video_metrics("edited"),
    *metrics.edit_metrics("source", "edited"),
)


def test_names_and_signatures_tell_metrics_apart() -> None:
    assert len({m.name for m in ALL}) == len({m.signature for m in ALL}) == len(ALL)
    assert all(re.fullmatch(r"[^|\s]+(\|[^|\s]+)+\|v\d+", m.signature) for m in ALL)


@pytest.mark.parametrize("metric", ALL, ids=lambda m: m.name)
def test_a_declaration_says_what_a_board_shows(metric) -> None:
    assert metric.summary
    assert metric.range[0] < metric.range[1]
    assert metric.extra == "generative"
    assert callable(resolve(metric.factory))
    for resource in metric.weights:
        digest = resource.sha256[:8]
        assert digest in metric.signature or metric.factory.endswith("pairs:of_samples")


def test_a_metric_of_clip_is_pinned_by_what_its_clip_says(monkeypatch) -> None:
    for metric in metrics.ALIGNMENT[:4]:
        network, template = metric.params["network"], metric.params["template"]
        assert weights.clip_signature(network, template) in metric.signature
        assert metric.params["owner"] == metric.name


def test_the_resizing_in_a_signature_is_the_extractors_own() -> None:
    for extractor, way in INCEPTION_WAYS.items():
        (fid,) = (m for m in metrics.SETS if m.name == f"fid_{extractor}")
        assert f"|{SIGNATURES[way]}|" in fid.signature


def test_addresses_hold_the_digests_their_publishers_announce() -> None:
    assert weights.INCEPTION.sha256.startswith(weights.INCEPTION.name[-12:-4])
    for network in weights.NETWORKS.values():
        resource = network.weights
        assert re.fullmatch("[0-9a-f]{64}", resource.sha256)
        assert (resource.sha256 in resource.url) == network.openai
        assert resource.size > 0
        assert resource.licence


def test_declaring_imports_nothing_heavy() -> None:
    code = "import sys; import harness_plugins.generative.metrics; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"numpy", "torch", "PIL", "open_clip", "scipy", "torch_fidelity", "pyiqa"}
    assert not heavy & set(done.stdout.split())
