"""The jobs of one measurement of one model: which there are, and what is collected of each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qai_hub import public_api_pb2 as pb
from qai_hub.client import api_utils

from harness.cost import digest
from harness_plugins.device_aihub import record
from harness_plugins.device_aihub.jobs import Jobs, Task
from harness_plugins.device_aihub.journal import Attempt, Journal, key_of
from harness_plugins.device_aihub.service import Service
from harness_plugins.device_aihub.work import Work
from harness_plugins.device_host.bench import reference

__all__ = ["Session"]

_FRESH = 7 * 86400.0  # seconds for which an upload is used again; AI Hub drops data after 30 days


class Session:
    """One measurement, with the locks of its work held."""

    def __init__(self, service: Service, journal: Journal, jobs: Jobs, device: Any) -> None:
        self._service, self._journal, self._jobs = service, journal, jobs
        self._device = pb.Device(
            name=device.name, os=device.os, attributes=list(device.attributes)
        )

    def run(
        self,
        works: Sequence[Work],
        keys: Sequence[str],
        options: str,
        profile_options: str,
        count: int,
    ) -> tuple[list[dict[str, Any]], dict[str, NDArray[np.float32]]]:
        """Return the records of components, and outputs by name.

        All jobs of one kind are submitted before the first is waited for: queues are long.
        """
        compiles = [
            Task(
                kind="compile",
                key=key,
                title=work.component.name,
                make=partial(self._compile_job, work, options),
            )
            for work, key in zip(works, keys, strict=True)
        ]
        for task in compiles:
            self._jobs.start(task)
        timed: list[list[tuple[Task, Callable[..., dict[str, Any]]]]] = []
        built: list[dict[str, Any]] = []
        for work, task in zip(works, compiles, strict=True):
            about = self._settle(task, self._compiled)
            built.append(about)
            timed.append([])
            for place in range(count):
                key = key_of(task.key, work.inputs_sha256, profile_options, place)
                make = partial(self._inference_job, work, about, profile_options)
                run = Task(kind="inference", key=key, title=task.title, make=make)
                timed[-1].append((run, partial(self._measured, key if place == 0 else "")))
                self._jobs.start(run)
        parts, outputs = [], {}
        for work, about, tasks in zip(works, built, timed, strict=True):
            runs = [self._settle(task, collect) for task, collect in tasks]
            returned = self._outputs(tasks[0][0].key, runs[0])
            parts.append(_part(work, about, runs))
            expected = reference(work.component)
            if returned is not None and expected is not None:
                outputs[work.component.name] = returned
                outputs[f"{work.component.name}|host"] = expected
        return parts, outputs

    # --- jobs ------------------------------------------------------------------------------

    def _settle(self, task: Task, collect: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        """Return what came of a task: from the journal, or from AI Hub when it is done."""
        attempt = self._jobs.start(task)
        if attempt.end == "done":
            return attempt.about
        attempt, job = self._jobs.finish(task)
        about: dict[str, Any] = self._service.without_token(collect(attempt, job))
        self._jobs.done(attempt, about)
        return about

    def _compile_job(self, work: Work, options: str) -> Any:
        name = f"{work.component.name} {work.sha256[:12]}"
        upload = partial(self._service.upload_model, work.data, name, work.suffix)
        return pb.Job(
            compile_job=pb.CompileJob(
                model=pb.Model(model_id=self._uploaded(work.sha256, upload)),
                devices=pb.DeviceList(devices=[self._device], total_query_count=1),
                tensor_type_list=api_utils.input_shapes_to_tensor_type_list_pb(work.specs),
                options=options,
            )
        )

    def _compiled(self, attempt: Attempt, job: Any) -> dict[str, Any]:
        about = record.compiled(job, self._service.results(attempt.job))
        sha256, size = self._service.compiled(about["model"])
        url = self._service.job_url(attempt.job)
        return {"job": attempt.job, "url": url, "sha256": sha256, "bytes": size, **about}

    def _inference_job(self, work: Work, compiled: Mapping[str, Any], options: str) -> Any:
        inputs = compiled["inputs"]
        if len(inputs) != len(work.arrays):
            inputs = [[name, dtype] for name, (_, dtype) in work.specs.items()]
        arrays = dict(_arranged(work, inputs))
        upload = partial(self._service.upload_dataset, arrays, f"{work.component.name} inputs")
        sha256 = key_of(work.inputs_sha256, inputs)
        return pb.Job(
            inference_job=pb.InferenceJob(
                model=pb.Model(model_id=compiled["model"]),
                device=self._device,
                dataset=pb.Dataset(dataset_id=self._uploaded(sha256, upload)),
                options=options,
                is_profiling_on=True,
            )
        )

    def _measured(self, key: str, attempt: Attempt, job: Any) -> dict[str, Any]:
        """Collect an inference job; where ``key`` says so, with what the device returned."""
        result = self._service.results(attempt.job)
        about = {
            "job": attempt.job,
            "url": self._service.job_url(attempt.job),
            "submitted": attempt.started,
            "output_dataset": result.inference_job_result.output_dataset_id,
            **record.measured(job, result),
        }
        if key:
            self._outputs(key, about)
        return about

    def _uploaded(self, sha256: str, upload: Callable[[], str]) -> str:
        """Return AI Hub's id for something, uploaded where it does not hold it yet."""
        sha256 = key_of(self._service.address, sha256)
        id_ = self._journal.uploaded(sha256, time.time() - _FRESH)
        if not id_:
            id_ = upload()
            self._journal.upload(sha256, id_)
        return id_

    # --- what the device returned ----------------------------------------------------------

    def _outputs(self, key: str, run: Mapping[str, Any]) -> NDArray[np.float32] | None:
        """Return the first output of floating type: kept in the folder, or from AI Hub."""
        if not run["output_dataset"]:
            return None
        path = self._journal.folder / "outputs" / f"{key}.npy"
        if not path.exists():
            returned = self._service.dataset(run["output_dataset"]).values()
            floats = [array for array in returned if np.issubdtype(array.dtype, np.floating)]
            if not floats:
                return None
            path.parent.mkdir(exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}")
            with temporary.open("wb") as file:
                np.save(file, np.asarray(floats[0], np.float32))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        kept: NDArray[np.float32] = np.load(path)
        return kept


def _arranged(work: Work, inputs: Sequence[Sequence[str]]) -> Any:
    """Yield arrays by the compiled model's names, in its order, of its types.

    It may keep our names and change their order, or give names of its own in our order.
    """
    ours = {f"input_{i}": array for i, array in enumerate(work.arrays)}
    same = {name for name, _ in inputs} == set(ours)
    for place, (name, dtype) in enumerate(inputs):
        array = ours[name] if same else work.arrays[place]
        yield name, array.astype(dtype, copy=False) if dtype != "unspecified" else array


def _part(
    work: Work, compiled: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a component's record."""
    component: Any = work.component
    return {
        "name": component.name,
        "step": component.step,
        "calls": component.calls,
        "sha256": digest(component.module),
        "artefact_sha256": work.sha256,
        "compiled_sha256": compiled["sha256"],
        "compiled_bytes": compiled["bytes"],
        "compiled": {k: v for k, v in compiled.items() if k not in {"sha256", "bytes", "inputs"}},
        **record.component(runs),
    }
