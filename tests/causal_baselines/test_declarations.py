from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from tests.causal_baselines.problems import MODELS


@pytest.mark.parametrize("name", MODELS)
def test_parameters_declared_are_those_of_the_factory(name: str) -> None:
    module, _, attribute = MODELS[name].factory.partition(":")
    accepted = inspect.signature(getattr(import_module(module), attribute))
    accepted.bind(**MODELS[name].params)
    assert MODELS[name].family == "causal"
    assert MODELS[name].summary


def test_declaring_imports_nothing_heavy() -> None:
    code = (
        "import sys; from harness_plugins.causal_baselines import harness_models; "
        "harness_models(); print(*sorted({'torch', 'numpy', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
