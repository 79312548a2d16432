from __future__ import annotations

import platform
import sys
from importlib import metadata

import pytest

from harness import Unavailable
from harness_plugins.device_htp.socs import PRECISIONS, SOCS, check

_GOOD = {"soc": "SM8650", "precision": "int8", "numerics": False, "seconds": 60}


def test_nine_chips_of_six_generations_are_known():
    assert len(SOCS) == 9
    assert {soc.architecture for soc in SOCS.values()} == {68, 69, 73, 75, 79, 81}
    assert len({soc.number for soc in SOCS.values()}) == 9


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("soc", SOCS)
def test_every_chip_can_be_checked_in_every_precision(soc, precision):
    check(**{**_GOOD, "soc": soc, "precision": precision})


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"soc": "SM8651"}, r"unknown SoC 'SM8651' \(did you mean 'SM8650'\?\)"),
        ({"soc": "sm8650"}, r"unknown SoC 'sm8650' \(did you mean 'SM8650'\?\)"),
        ({"soc": "Exynos"}, "unknown SoC 'Exynos'; known are SM8350, QCM6490"),
        ({"soc": 8650}, "unknown SoC 8650"),
        ({"precision": "int4"}, r"precision 'int4': expected float or int8 \(did you mean 'int8'"),
        ({"numerics": "yes"}, "numerics: expected true or false, got 'yes'"),
        ({"seconds": 0}, "seconds: expected a positive number, got 0"),
        ({"seconds": True}, "seconds: expected a positive number, got True"),
        ({"seconds": float("nan")}, "seconds: expected a positive number, got nan"),
    ],
)
def test_what_cannot_be_is_one_line(changes, line):
    with pytest.raises(ValueError, match=line) as error:
        check(**{**_GOOD, **changes})
    assert "\n" not in str(error.value)


def test_a_machine_without_the_compiler_says_what_to_install(monkeypatch):
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(Unavailable, match=r"onnxruntime-qnn is not installed; pip install"):
        check(**_GOOD)


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("linux", "aarch64")])
def test_a_machine_that_the_compiler_is_not_made_for_says_so(monkeypatch, system, machine):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(Unavailable, match=f"Linux x86-64, this is {system} {machine}"):
        check(**_GOOD)
