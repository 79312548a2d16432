"""``docs/generative_metrics.md`` names what is declared, and tells the numbers of the checks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness_plugins.generative import metrics
from harness_plugins.generative.crosschecks import CROSSCHECKS
from harness_plugins.generative.metrics.weights import INCEPTION, NETWORKS

PAGE = (Path(__file__).parents[2] / "docs" / "generative_metrics.md").read_text(encoding="utf-8")
EXTRACTORS = ("inception_clean", "inception_tf", "inception_torch", "clip_b32")


def rows(heading):
    """Return the cells of all table rows below a heading."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_every_metric_of_sets_is_a_kind_of_an_extractor() -> None:
    cells = [row[0] for row in rows("Sets of images")]
    kinds = [c.strip("`")[:-2] for c in cells if c.endswith("_X`")]
    assert all(f"`{extractor}`" in cells for extractor in EXTRACTORS)
    declared = {m.name for m in metrics.SETS}
    assert declared == {f"{kind}_{extractor}" for kind in kinds for extractor in EXTRACTORS}


def test_every_metric_of_alignment_is_documented() -> None:
    names = [row[0].strip("`") for row in rows("Text and image")[2:]]
    assert names == [m.name for m in metrics.ALIGNMENT]


def test_every_metric_of_an_image_alone_is_documented_where_its_digest_belongs() -> None:
    alone, whole, short = (re.findall(r"`(\w+)`", c) for c in rows("An image alone")[2])
    by_name = {m.name: m.weights for m in metrics.NO_REFERENCE}
    assert sorted([*alone, *whole, *short, "iqa_niqe"]) == sorted(by_name)
    assert all(not by_name[name] for name in alone)
    for names, full in ((whole, True), (short, False)):
        for name in names:
            digests = [w.sha256 for w in by_name[name]]
            assert all(re.fullmatch("[0-9a-f]{64}", d) for d in digests) == full


def test_every_file_is_documented_with_its_licence() -> None:
    told = {row[0].strip("`"): row[2] for row in rows("Weights")[2:]}
    files = [*(n.weights for n in NETWORKS.values()), INCEPTION]
    assert set(told) == {f.name for f in files}
    assert all(told[f.name] in (f.licence, "as above") for f in files)


@pytest.mark.parametrize("check", CROSSCHECKS, ids=lambda c: c.name)
def test_every_check_is_documented_with_its_number_and_tolerance(check) -> None:
    told = {row[0].strip("`"): row for row in rows("Cross-checks")}
    number, tolerance = (float(told[check.name][n]) for n in (3, 4))
    assert number == pytest.approx(check.pinned, rel=1e-6)
    assert tolerance == check.between
