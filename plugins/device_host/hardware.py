"""What this machine is made of, and whether it can be measured on; nothing heavy is imported."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from harness.spec import Unavailable

__all__ = ["check_cuda", "check_threads", "cuda", "load", "processor", "system"]

_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


@cache
def processor(threads: int = 1) -> str:
    """Return model and number of logical cores of the processor."""
    del threads  # part of the device's parameters, not of the machine
    return f"{_model()}, {os.cpu_count()} logical cores"


def _model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model", "cpu model"} and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown processor"


def system() -> str:
    """Return the operating system and the kind of machine, e.g. ``"Linux x86_64"``."""
    return f"{platform.system()} {platform.machine()}"


def cuda() -> str:
    """Return name and driver of the first GPU that CUDA shows, and the processor beside it."""
    try:
        return f"{_gpu()}, {processor()}"
    except Unavailable:
        return f"no GPU, {processor()}"


@cache
def _gpu() -> str:
    remedy = "run on a machine with an NVIDIA GPU and its driver"
    program = shutil.which("nvidia-smi")
    if program is None:
        raise Unavailable("no NVIDIA GPU here: nvidia-smi is not installed", remedy)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.split(",")[0].strip() in {"", "-1"}:
        raise Unavailable("CUDA_VISIBLE_DEVICES hides every GPU", "unset it")
    chosen = (visible or "0").split(",")[0].strip()
    try:
        made = subprocess.run(
            [program, "--query-gpu=name,driver_version", "--format=csv,noheader", "-i", chosen],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"nvidia-smi does not answer: {error}", remedy) from error
    lines = made.stdout.strip().splitlines()
    if made.returncode or not lines:
        said = " ".join((made.stderr or made.stdout).split())[:200] or "nothing"
        raise Unavailable(f"no NVIDIA GPU here: nvidia-smi says {said}", remedy)
    name, _, driver = lines[0].partition(",")
    return f"{name.strip()}, driver {driver.strip()}"


def check_threads(threads: Any = 1) -> None:
    """Refuse a number of threads that this process has no cores for.

    Raises:
        ValueError: in one line.
    """
    most = _cores()
    if type(threads) is not int or not 1 <= threads <= most:
        raise ValueError(f"threads must be a whole number from 1 to {most}, not {threads!r}")


def check_cuda() -> None:
    """Look for a GPU.

    Raises:
        Unavailable: there is none.
    """
    _gpu()


def load() -> dict[str, Any]:
    """Return what else may slow the machine down just now.

    ``load_average`` over 1, 5 and 15 minutes, ``cores`` this process may run on, the
    ``governor`` of the first core's clock (None where it is not told), the ``kernel``.
    """
    try:
        governor = _GOVERNOR.read_text().strip()
    except OSError:
        governor = None
    return {
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "cores": _cores(),
        "governor": governor,
        "kernel": platform.release(),
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
