from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

PLATES = Path(__file__).with_name("plates.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # suites with networks need what the environment of the other tests has
        if Path(__file__).parent in item.path.parents and item.path.name != "test_network.py":
            item.add_marker(pytest.mark.faults)


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a suite on the plates family with some keys changed."""

    def write(**changes: Any) -> Path:
        suite = {
            "name": "plates",
            "plugins": [str(PLATES)],
            "tasks": ["plates/copy"],
            "datasets": ["plates"],
            "models": ["copier"],
            "metrics": ["gap"],
            "limits": {"seconds": 20, "memory": "1 GB"},
        } | changes
        path = tmp_path / "suite.yaml"
        path.write_text(json.dumps(suite))
        return path

    return write


class Program:
    """The program as a process of its own, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def start(self, *args: object, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "from harness.cli import main; main()", *map(str, args)],
            cwd=self.folder,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*args, **env)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err, err
        assert orphans(process.pid) == []
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def workers(parent: int) -> list[psutil.Process]:
    """Return the workers that a process started, and everything these started."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get("HARNESS_PARENT") == str(parent)
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def orphans(parent: int) -> list[psutil.Process]:
    """Return the workers that outlive their parent by more than two seconds."""
    deadline = time.monotonic() + 2
    while (left := workers(parent)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Return the program, in an empty folder."""
    return Program(tmp_path / "cwd")


@pytest.fixture
def no_orphans() -> Callable[[int], None]:
    """Return a check that no worker outlives a process."""

    def check(parent: int) -> None:
        assert orphans(parent) == []

    return check


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts a file system of a size, or changes it; e.g. ``size=1m``."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("NOT TESTED: a full and a read-only disk need root and mount")
    mounted = False

    def mount(options: str) -> Path:
        nonlocal mounted
        how = f"remount,{options}" if mounted else options
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", how, "tmpfs", folder], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"NOT TESTED: a small disk cannot be mounted here: {done.stderr!r}")
        mounted = True
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", "-l", folder], check=True)
