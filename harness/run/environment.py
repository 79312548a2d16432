"""What there was when a number was made."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib.metadata import distributions
from typing import Any

from harness.run.keys import digest

__all__ = ["describe_environment", "environment_id", "processor"]


@cache
def describe_environment() -> dict[str, Any]:
    """Describe this interpreter and machine: versions, processor, cores, memory.

    Nothing that names the machine or its user is in it.
    """
    found = [d.metadata for d in distributions()]
    packages = {m["Name"].lower(): m["Version"] for m in found if m["Name"]}
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(_memory() / 2**30, 1),
        "packages": dict(sorted(packages.items())),
    }


def environment_id() -> str:
    """Return the digest that stands for the environment in every row."""
    return digest(describe_environment())[:16]


@cache
def processor() -> str:
    """Return the processor's name as the system gives it."""
    if sys.platform == "linux":
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
