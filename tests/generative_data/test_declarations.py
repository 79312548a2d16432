"""What is declared: light to import, with parameters that the functions take."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from harness.registry import resolve
from harness.spec import Unavailable
from harness_plugins.generative.datasets import PUBLISHED

BY_NAME = {d.name: d for d in PUBLISHED}


def test_every_dataset_is_here():
    assert {name: d.provides for name, d in BY_NAME.items()} == {
        "coco2017_captions": "prompts",
        "prompt_file": "prompts",
        "davis2017": "video_edits",
        "google_scanned_objects": "object_views",
    }
    assert all(d.summary and d.licence for d in PUBLISHED)


@pytest.mark.parametrize("dataset", PUBLISHED, ids=lambda d: d.name)
def test_parameters_are_those_of_the_function(dataset):
    assert list(inspect.signature(resolve(dataset.index)).parameters) == list(dataset.params)
    assert callable(resolve(dataset.load))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("coco2017_captions", Unavailable),
        ("google_scanned_objects", Unavailable),
        ("prompt_file", ValueError),  # a suite has to name the file
        ("davis2017", ValueError),
    ],
)
def test_the_defaults_say_what_is_lacking(name, expected):
    with pytest.raises(expected) as raised:
        resolve(BY_NAME[name].index)(**BY_NAME[name].params)
    assert "\n" not in str(raised.value)


def test_declaring_imports_nothing_heavy():
    code = (
        "import sys, harness_plugins.generative.datasets as d; assert d.PUBLISHED;"
        "print([m for m in ('numpy', 'PIL', 'ssl', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
