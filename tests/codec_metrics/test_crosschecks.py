"""The family's cross-checks agree here, and would not if a metric or a package changed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from harness.run.crosscheck import compare
from harness_plugins.codec.crosschecks import CROSSCHECKS
from harness_plugins.codec.metrics import fixtures, structural

BY_NAME = {check.name: check for check in CROSSCHECKS}
QUICK = ("psnr-skimage", "psnr-piq", "ssim-skimage", "ssim-piq-default", "ms-ssim-pytorch-msssim")
SUMS = {"picture": 53880144, "noise": 53873939, "blur": 53881042, "coarse": 54121536}


def agrees(check) -> None:
    found = compare(check)
    if found.outcome == "unavailable":
        pytest.skip(f"NOT compared: {found.reason}")
    assert found.outcome == "agree", (found, found.difference, found.drift)


@pytest.mark.parametrize("name", QUICK)
def test_both_implementations_agree(name) -> None:
    agrees(BY_NAME[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(BY_NAME) - set(QUICK)))
def test_all_other_implementations_agree(name) -> None:
    agrees(BY_NAME[name])


def test_another_constant_would_be_noticed(monkeypatch) -> None:
    monkeypatch.setattr(structural, "C2", (0.04 * 255) ** 2)
    assert compare(BY_NAME["ssim-skimage"]).outcome == "apart"


def test_the_same_change_on_both_sides_would_be_noticed(monkeypatch) -> None:
    monkeypatch.setitem(fixtures.DAMAGES, "noise", lambda image: image // 2)
    assert compare(BY_NAME["psnr-skimage"]).outcome == "drifted"


def test_fixtures_are_the_same_on_any_machine() -> None:
    """Sums of the pixels, taken when the checks were written."""
    sums = {name: int(fixtures.pair(name)[1].astype(np.int64).sum()) for name in fixtures.DAMAGES}
    assert int(fixtures.picture().astype(np.int64).sum()) == SUMS["picture"]
    assert sums == {name: SUMS[name] for name in fixtures.DAMAGES}
    assert fixtures.backbone("squeeze")["features.0.weight"].sum().item() == pytest.approx(
        -9.129934310913086, rel=1e-5
    )


def test_declaring_imports_nothing_heavy() -> None:
    code = "import sys; import harness_plugins.codec.crosschecks; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"numpy", "torch", "cv2", "pyiqa", "piq"} & set(done.stdout.split())
