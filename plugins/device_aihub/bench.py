"""Measures components on a device of AI Hub: compiled there, then timed and run by one job."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from harness.cost import Component, NotMeasuredError, Run
from harness_plugins.device_aihub.deadline import Deadline, Pace
from harness_plugins.device_aihub.jobs import Jobs
from harness_plugins.device_aihub.journal import Journal, key_of
from harness_plugins.device_aihub.service import Service
from harness_plugins.device_aihub.session import Session
from harness_plugins.device_aihub.work import prepare

__all__ = ["Hub"]


class Hub:
    """A device of AI Hub.

    Args:
        folder: where the journal and what devices returned are kept.
        device: its name, or an attribute such as ``"chipset:qualcomm-snapdragon-8gen3"``.
        runtime: what it is compiled for, the compiler's ``--target_runtime``.
        options: further options of the compile job.
        profile_options: options of the inference job.
        export: the form in which modules are uploaded, ``"pt2"`` or ``"onnx"``.
        jobs: inference jobs for each component.
        budget: jobs, of either kind, that may ever be submitted from ``folder``.
        deadline: seconds that a measurement may wait.
        pace: seconds between questions.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str,
        runtime: str,
        options: str,
        profile_options: str,
        export: str,
        jobs: int,
        budget: int,
        deadline: float,
        pace: Pace = Pace(),  # noqa: B008 - it is frozen
    ) -> None:
        self._journal = Journal(folder)
        self._device, self._runtime, self._export = device, runtime, export
        self._options = f"--target_runtime {runtime} {options}".strip()
        self._profile_options = profile_options.strip()
        self._count, self._budget, self._seconds, self._pace = jobs, budget, deadline, pace

    def measure(self, components: Sequence[Component]) -> Run:
        """Compile, time and run every module among the components.

        Raises:
            NotMeasuredError: none is a module.
            Unavailable: no configuration, AI Hub out of reach, or the budget spent.
            JobFailedError, RefusedError, TimeUpError: as their outcomes say.
        """
        modules = [c for c in components if isinstance(c.module, torch.nn.Module)]
        if not modules:
            raise NotMeasuredError("none of the model's components is a torch module")
        deadline = Deadline(self._seconds)
        service = Service(deadline, self._pace)
        device = service.device(self._device)
        account = [service.address, device.name, device.os, service.versions()]
        works = [prepare(component, self._export) for component in modules]
        keys = [
            key_of("compile", *account, work.sha256, self._options, work.specs) for work in works
        ]
        jobs = Jobs(service, self._journal, self._pace, deadline, self._budget)
        session = Session(service, self._journal, jobs, device)
        wait = partial(deadline.pause, self._pace.poll, "another process measures the same")
        with self._journal.holding(keys, wait):
            parts, outputs = session.run(
                works, keys, self._options, self._profile_options, self._count
            )
        left_out = [c.name for c in components if c not in modules]
        return Run(record=self._record(device, parts, left_out), outputs=outputs)

    def _record(
        self, device: Any, parts: Sequence[Mapping[str, Any]], left_out: Sequence[str]
    ) -> dict[str, Any]:
        runs = [run for part in parts for run in part["runs"]]
        tools = [run["tool_versions"] for run in runs]
        quantised = re.search(r"--quantize_full_type[ =](\w+)", self._options)
        return {
            "kind": "measured-device",
            "statistic": "min",
            "device": {
                "asked": self._device,
                "chosen": device.name,
                "resolved": _all(run["device"] for run in runs),
                "soc": _all(run["soc"] for run in runs),
                "os": _all(run["os"] for run in runs),
                "versions": {
                    name: _all(t[name] for t in tools if name in t)
                    for name in sorted({name for t in tools for name in t})
                },
            },
            "client": f"qai-hub {version('qai-hub')}",
            "runtime": self._runtime,
            "precision": quantised[1] if quantised else "float",
            "threads": None,
            "options": self._options,
            "profile_options": self._profile_options,
            "export": self._export,
            "left_out": list(left_out),
            "components": list(parts),
        }


def _all(texts: Any) -> str:
    """Return the one text, or the different ones."""
    return " + ".join(dict.fromkeys(text for text in texts if text))
