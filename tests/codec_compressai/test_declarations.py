from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from harness import Model, Unavailable
from harness.registry import Registry, check_available
from harness_plugins import codec_compressai
from harness_plugins.codec_compressai.weights import ZOO, model_name

MODELS = {model.name: model for model in codec_compressai.harness_models()}
ZOO_MODELS = [model for model in MODELS.values() if model.weights]


def test_the_files_are_those_of_the_installed_zoo() -> None:
    from compressai.zoo.image import model_urls

    published = {
        (architecture, metric): [urls[q] for q in sorted(urls)]
        for architecture, metrics in model_urls.items()
        for metric, urls in metrics.items()
    }
    assert {key: [r.url for r in files] for key, files in ZOO.items()} == published
    for files in ZOO.values():
        for resource in files:
            assert resource.name == resource.url.rpartition("/")[2]
            assert resource.name.endswith(f"-{resource.sha256}.pth.tar")


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_factories_take_the_declared_parameters(model: Model) -> None:
    for ref in filter(None, (model.factory, model.skeleton)):
        module, _, name = ref.partition(":")
        inspect.signature(getattr(import_module(module), name)).bind(**model.params)
    assert bool(model.skeleton) == bool(model.weights)  # one's own widths are in one's own file
    assert model.paper
    assert model.licence
    assert "image" not in model.tags  # standard suites run without weights


@pytest.mark.parametrize("model", ZOO_MODELS, ids=lambda m: m.name)
def test_without_weights_a_model_says_how_to_get_them(model: Model) -> None:
    with pytest.raises(Unavailable) as caught:
        check_available(model, model.params)
    assert caught.value.remedy == f"harness weights pull {model.name}"
    assert len(model.points["quality"]) == len(model.weights)


def test_each_training_metric_has_a_model_of_its_own() -> None:
    assert model_name("mbt2018", "mse") == "compressai-mbt2018"
    assert model_name("mbt2018", "ms-ssim") == "compressai-mbt2018-ms-ssim"
    assert {m.name for m in ZOO_MODELS} == {model_name(*key) for key in ZOO}


def test_the_suite_reads_and_its_rows_are_there() -> None:
    from harness.api import open_suite

    suite, _ = open_suite("kodak-neural", ())
    labels = {entry.label for entry in suite.entries}
    assert {model_name(a, m) for a, m in ZOO if m == "mse"} < labels
    assert suite.board.anchor in labels


def test_declaring_imports_nothing_heavy() -> None:
    code = (
        "import sys, harness_plugins.codec_compressai as p; p.harness_models();"
        "p.harness_suites();"
        "import harness_plugins.codec_compressai.checkpoints;"
        "print(sorted({'torch', 'compressai', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_registry_finds_the_models() -> None:
    assert set(MODELS) <= set(Registry.load(()).all("models"))
