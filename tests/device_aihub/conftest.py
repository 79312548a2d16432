from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("qai_hub")

HERE = Path(__file__).parent


def _module(name: str) -> ModuleType:
    """Import a file of this folder, under a name that no other test uses."""
    full = f"aihub_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


@pytest.fixture(scope="session")
def standin() -> ModuleType:
    """Return the module of the stand-in."""
    return _module("standin")


@pytest.fixture(scope="session")
def script() -> ModuleType:
    """Return the module that measures in a process of its own."""
    return _module("measure")


@pytest.fixture
def hub(standin: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a running stand-in, configured for the client of this process and its children."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # its back-off is up to 10 s a step
    monkeypatch.setattr("qai_hub.util.session.MAX_WAIT", 0.01)
    monkeypatch.setattr("qai_hub.util.session.BACKOFF_FACTOR", 0.0)
    monkeypatch.setattr("qai_hub.util.session.MAX_RETRIES", 1)
    with standin.StandIn() as running:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("QAIHUB_CLIENT_INI", str(running.configure(tmp_path / "hub.ini")))
        yield running


@pytest.fixture
def bench(hub: Any, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that makes the device, in a folder that is kept during a test."""
    from harness_plugins.device_aihub import harness_devices
    from harness_plugins.device_aihub.bench import Hub
    from harness_plugins.device_aihub.deadline import Pace

    [device] = harness_devices()
    quick = {"poll": 1 / 64, "again": 1 / 64, "settle": 0.25, "patience": 1.0}

    def make(*, pace: dict[str, float] | None = None, **params: Any) -> Any:
        given = {**device.params, "deadline": 60, **params}
        return Hub(tmp_path / "device", **given, pace=Pace(**quick | (pace or {})))

    return make


@pytest.fixture
def journal(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that reads the device's journal."""
    path = tmp_path / "device" / "journal.jsonl"
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def component() -> Callable[..., Any]:
    """Return a function that makes a small convolutional component."""
    import torch

    from harness.cost import Component

    def make(name: str = "g_s", *, width: int = 4, seed: int = 0, **changes: Any) -> Component:
        torch.manual_seed(seed)
        module = torch.nn.Sequential(
            torch.nn.Conv2d(3, width, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(width, 3, 1)
        )
        given = {"inputs": [(1, 3, 8, 8)], "step": "decode", **changes}
        return Component(name=name, module=module, **given)

    return make
