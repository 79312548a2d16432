from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the exporters, and what they import, warn of each other
    import compressai.models
    import onnxruntime.quantization  # noqa: F401
    import torch

    from harness_plugins.device_host.export import to_onnx
    from harness_plugins.device_htp.bench import Htp

    to_onnx(torch.nn.Identity(), [(1,)])


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one device, where exported models are kept between tests."""
    return tmp_path_factory.mktemp("htp")


@pytest.fixture(scope="session")
def decoder() -> Any:
    """Return CompressAI's hyperprior decoder (128 and 192 channels), untrained, seed 0."""
    torch.manual_seed(0)
    return compressai.models.ScaleHyperprior(128, 192).g_s.eval()


@pytest.fixture
def htp(folder: Path) -> Any:
    """Return a function that makes the device."""

    def make(soc: str = "SM8650", precision: str = "float", **changes: Any) -> Htp:
        return Htp(folder, soc, precision, **{"numerics": False, "seconds": 300, **changes})

    return make


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return a function that puts a shell script in the place of the compiler's process."""

    def put(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n# python -P -m MODULE FOLDER\nFOLDER=$4\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return put
