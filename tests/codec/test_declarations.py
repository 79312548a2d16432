"""What the plugin declares is consistent, light to read, and can be called."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from harness import spec
from harness_plugins import codec, cost
from harness_plugins.codec import conformance

[FAMILY] = codec.harness_families()
DATASETS = {dataset.name: dataset for dataset in codec.harness_datasets()}
METRICS = {metric.name: metric for metric in codec.harness_metrics()}
KINDS = {"bytes", "json", "array", "arrays"}


def resolve(ref: str):
    module, _, attribute = ref.partition(":")
    return getattr(import_module(module), attribute)


def test_reading_the_declarations_imports_nothing_heavy():
    code = (
        "import sys, harness_plugins.codec as c;"
        "c.harness_families(), c.harness_datasets(), c.harness_metrics(), c.harness_importers();"
        "print(sorted({'numpy', 'PIL', 'cv2', 'torch', 'scipy', 'ssl'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_reference_resolves():
    refs = [FAMILY.interface]
    refs += [panel.thumbnail for panel in FAMILY.panels if isinstance(panel, spec.ComparePanel)]
    refs += [stage.run for task in FAMILY.tasks for stage in task.stages]
    kinds = {out.kind for task in FAMILY.tasks for stage in task.stages for out in stage.outputs}
    refs += sorted(kinds - KINDS)
    refs += [ref for dataset in DATASETS.values() for ref in (dataset.index, dataset.load)]
    refs += [importer.read for importer in codec.harness_importers()]
    refs += [metric.factory for metric in conformance.METRICS]
    assert all(callable(resolve(ref)) for ref in refs)


@pytest.mark.parametrize("task", FAMILY.tasks, ids=lambda task: task.name)
def test_stages_ask_only_for_what_is_there(task):
    known = {task.item}
    for stage in task.stages:
        assert set(stage.inputs) <= known
        known |= {output.name for output in stage.outputs}
    assert {dataset.provides for dataset in DATASETS.values()} == {task.accepts}


def test_decoding_sees_nothing_but_the_bitstream():
    for task in FAMILY.tasks:
        for stage in task.stages:
            if stage.name.startswith("decode"):
                assert stage.inputs == ("bitstream",)


def test_metrics_ask_for_artifacts_of_a_task():
    artifacts = [
        {task.item} | {out.name for stage in task.stages for out in stage.outputs}
        for task in FAMILY.tasks
    ]
    for metric in METRICS.values():
        assert any(set(metric.inputs) <= known for known in artifacts), metric.name


def test_panels_and_derived_scores_name_scores_that_exist():
    stages = {stage.name for task in FAMILY.tasks for stage in task.stages}
    known = {
        *METRICS,
        *(d.name for d in codec.harness_derived()),
        *(f"{s}_seconds" for s in stages),
        *(metric.name for metric in cost.harness_metrics()),
    }
    for panel in FAMILY.panels:
        if isinstance(panel, spec.ComparePanel):
            assert panel.match_on in known
        elif isinstance(panel, spec.PartsPanel):
            assert set(panel.inputs) <= {"cost", "device_run"}
        else:
            assert {panel.x, panel.y} <= known
    for derived in codec.harness_derived():
        assert set(derived.inputs) <= known


def test_names_are_unique():
    for declared in (codec.harness_datasets(), codec.harness_metrics(), codec.harness_importers()):
        names = [one.name for one in declared]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "first", "second", "score"),
    [
        ("decode_repeatable", np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8), 1.0),
        ("decode_repeatable", np.zeros((2, 2, 3), np.uint8), np.ones((2, 2, 3), np.uint8), 0.0),
        ("decode_repeatable", np.zeros((2, 2, 3), np.uint8), np.zeros((2, 1, 3), np.uint8), 0.0),
        ("encode_repeatable", b"same", b"same", 1.0),
        ("encode_repeatable", b"same", b"other", 0.0),
        ("size_kept", np.zeros((2, 3, 3), np.uint8), np.ones((2, 3, 3), np.uint8), 1.0),
        ("size_kept", np.zeros((2, 3, 3), np.uint8), np.zeros((3, 2, 3), np.uint8), 0.0),
    ],
)
def test_promises(name, first, second, score):
    assert resolve(METRICS[name].factory)()(first, second) == score
