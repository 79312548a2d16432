"""The family's cross-checks agree here, and would not if a metric changed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from harness.run.crosscheck import compare
from harness_plugins.codec.crosschecks import CROSSCHECKS as CODEC
from harness_plugins.generative.crosschecks import CROSSCHECKS
from harness_plugins.generative.metrics import fixtures, kernel, second
from harness_plugins.generative.metrics.resize import WAYS

BY_NAME = {check.name: check for check in CROSSCHECKS}


@pytest.mark.parametrize("name", BY_NAME)
def test_both_implementations_agree(name) -> None:
    found = compare(BY_NAME[name])
    if found.outcome == "unavailable":
        pytest.skip(f"NOT compared: {found.reason}")
    assert found.outcome == "agree", (found, found.difference, found.drift)


def test_another_kernel_would_be_noticed(monkeypatch) -> None:
    monkeypatch.setattr(kernel, "_kernel", lambda x, y: (x @ y.T / x.shape[1] + 1) ** 2)
    assert compare(BY_NAME["kid-torchmetrics"]).outcome == "apart"


def test_another_way_of_resizing_would_be_noticed(monkeypatch) -> None:
    monkeypatch.setitem(WAYS, "tf-legacy", WAYS["torch-legacy"])
    assert compare(BY_NAME["resize-tf-legacy-torch-fidelity"]).outcome == "apart"


def test_other_features_on_both_sides_would_be_noticed(monkeypatch) -> None:
    x, y = fixtures.features()
    monkeypatch.setattr(fixtures, "features", lambda: (x + 0.1, y))
    assert compare(BY_NAME["fid-scipy"]).outcome == "drifted"


def test_a_flat_picture_is_no_distorted_one_by_the_equations() -> None:
    assert second.piqe(np.full((32, 32), 7.0)) == 100  # no block is active: (0 + 1) / (0 + 1)


def test_names_are_the_families_own() -> None:
    names = [check.name for check in (*CODEC, *CROSSCHECKS)]
    assert len(set(names)) == len(names)
    assert all(check.extra == "dev" and check.summary for check in CROSSCHECKS)


def test_declaring_imports_nothing_heavy() -> None:
    code = "import sys; import harness_plugins.generative.crosschecks; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"numpy", "torch", "pyiqa", "piq", "open_clip"} & set(done.stdout.split())
