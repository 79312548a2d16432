"""The networks as models: components, skeletons, and what they cannot do."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

from harness import Unavailable
from harness.cost import Component, count, digest
from harness.cost.stages import measure_cost, named_components
from harness.registry import Registry, check_available
from harness_plugins import codec_transform
from harness_plugins.codec.interface import Codec

MODELS = {model.name: model for model in codec_transform.harness_models()}
every_model = pytest.mark.parametrize("name", MODELS)
SLICES = [f"context_{i}" for i in range(10)]


def make(name: str, ref: str = "factory", **params: Any) -> Any:
    module, _, function = getattr(MODELS[name], ref).partition(":")
    return getattr(import_module(module), function)(**{**MODELS[name].params, **params})


def photo(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def named(components: list[Component]) -> dict[str, Component]:
    return {component.name: component for component in components}


@every_model
def test_components_run_as_the_network_does(name: str) -> None:
    image, codec = photo(60, 70), make(name)
    parts = named(codec.components(image, {}))
    context = SLICES if name.endswith("charm") else []
    assert list(parts) == ["g_a", "h_a", "h_s", *context, "g_s"]
    assert {n for n, p in parts.items() if p.step == "encode"} == {"g_a", "h_a"}
    assert all(p.calls == 1 and p.step in {"encode", "decode"} for p in parts.values())
    with torch.no_grad():
        out = {n: p.module(*p.inputs) for n, p in parts.items()}
        [x] = parts["g_a"].inputs
        coded = codec._network(x)
    np.testing.assert_array_equal((x[0, :, :60, :70] * 255).permute(1, 2, 0), image)
    assert x.shape == (1, 3, 64, 128)
    torch.testing.assert_close(out["g_a"], parts["h_a"].inputs[0])
    torch.testing.assert_close(out["g_s"], coded.x_hat)
    [y_hat] = parts["g_s"].inputs
    for i, slice_name in enumerate(context):
        mean, scale, *before = parts[slice_name].inputs
        both = out["h_s"].chunk(2, 1)
        here = slice(32 * i, 32 * i + 32)
        torch.testing.assert_close(mean, both[0][:, here])
        torch.testing.assert_close(scale, both[1][:, here])
        torch.testing.assert_close(torch.cat([*before, y_hat[:, here]], 1), y_hat[:, : here.stop])
    # latents spread over several integers, so that what runs is no special case
    assert len(torch.unique(torch.round(y_hat))) > 2


@every_model
def test_a_skeleton_has_the_same_cost_without_weights(name: str) -> None:
    image = photo(60, 70)
    real, empty = (named(make(name, ref).components(image, {})) for ref in ("factory", "skeleton"))
    assert list(real) == list(empty)
    for part, other in zip(real.values(), empty.values(), strict=True):
        module: Any = other.module
        assert (part.step, part.calls) == (other.step, other.calls)
        assert other.inputs == [tuple(t.shape) for t in part.inputs]
        assert all(p.is_meta for p in module.parameters())
        assert count(module, other.inputs) == count(part.module, part.inputs)  # type: ignore[arg-type]


@every_model
def test_the_cost_of_the_decoder_is_the_sum_of_its_components(name: str) -> None:
    dense, billed = {
        "conv-hyperprior": (100.288, 349.587),
        "conv-charm": (112.403, 361.702),
        "swint-hyperprior": (104.312, 98.537),
        "swint-charm": (116.427, 110.652),
    }[name]
    image = np.zeros((512, 768, 3), dtype=np.uint8)
    found = measure_cost(named_components(make(name, "skeleton"), image, {}))["components"]
    for convention, gmac in (("dense", dense), ("deepspeed-0.5.10", billed)):
        macs = sum(
            sum(part["macs"][convention].values()) for part in found if part["step"] == "decode"
        )
        assert macs / 1e9 == pytest.approx(gmac, abs=0.001)
    assert all(part["without_formula"] == {} and part["refused"] == {} for part in found)


def test_the_seed_is_all_that_changes_the_weights() -> None:
    torch.manual_seed(123)
    state = torch.get_rng_state()
    first, again, other = (make("conv-hyperprior", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    digests = [digest(codec._network) for codec in (first, again, other)]
    assert digests[0] == digests[1] != digests[2]


@every_model
def test_quality_is_unavailable_and_says_why(name: str) -> None:
    codec = make(name, "skeleton")
    assert isinstance(codec, Codec)
    for call in (lambda: codec.encode(photo(8, 8), {}), lambda: codec.decode(b"1")):
        with pytest.raises(Unavailable, match="its authors published no weights") as caught:
            call()
        assert "train it" in caught.value.remedy


def test_the_models_are_declared() -> None:
    assert set(MODELS) == {"conv-hyperprior", "conv-charm", "swint-hyperprior", "swint-charm"}
    assert set(MODELS) <= set(Registry.load(()).all("models"))
    for model in MODELS.values():
        check_available(model, model.params)
        assert (model.family, model.tags) == ("codec", ("transform",))
        assert model.paper
        assert model.licence


def test_declaring_imports_nothing_heavy() -> None:
    code = (
        "import sys, harness_plugins.codec_transform as p; p.harness_models();"
        "print(sorted({'torch', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
