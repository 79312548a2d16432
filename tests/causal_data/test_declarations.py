"""What is declared: light to import, with parameters that the functions take."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.registry import resolve
from harness.spec import Unavailable
from harness_plugins.causal.datasets import DATASETS

BY_NAME = {d.name: d for d in DATASETS}
GENERATED = ("circuit", "linear_son", "nonlinear", "stressed")
PUBLISHED = ("causal3dident", "causal_circuit", "causal_triplet")


def test_every_dataset_is_here_and_accepted_by_the_task():
    assert sorted(BY_NAME) == sorted((*GENERATED, *PUBLISHED))
    assert {d.provides for d in DATASETS} == {"causal_pairs"}
    assert all(d.summary and d.licence for d in DATASETS)


@pytest.mark.parametrize("name", GENERATED)
def test_the_defaults_give_problems_that_load_makes(name):
    dataset = BY_NAME[name]
    small = {**dataset.params, "train": 3, "val": 2, "test": 2}
    items = resolve(dataset.index)(**small)
    assert len(items) == small["problems"]
    assert len(resolve(dataset.load)(items[-1], None)["x"]) == 7
    whole = resolve(dataset.index)(**dataset.params)
    assert [i.id for i in whole] == [i.id for i in items]
    assert not {i.sha256 for i in whole} & {i.sha256 for i in items}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_defaults_of_published_data_are_taken(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    with pytest.raises(Unavailable):
        resolve(BY_NAME[name].index)(**BY_NAME[name].params)


def test_declaring_imports_nothing_heavy():
    code = (
        "import sys, harness_plugins.causal.datasets as d; assert d.DATASETS;"
        "print([m for m in ('numpy', 'PIL', 'ssl', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
