from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from harness import trace
from harness.cost import Component, NotMeasuredError, weights
from harness_plugins.quantization import harness_variants
from harness_plugins.quantization.model import QuantizationError, wrap
from harness_plugins.quantization.settings import check

_W8A8 = {"weights": "int8", "activations": "int8"}
_X = (1, 3, 8, 8)


class _Decoder:
    def __init__(self, g_s):
        self._g_s = g_s

    def components(self, item, point):
        return [Component(name="g_s", module=self._g_s, inputs=[item], step="decode")]

    @torch.no_grad()
    def decode(self, latent):
        return self._g_s(latent)


@pytest.fixture
def latent():
    torch.manual_seed(1)
    return 3.0 * torch.randn(1, 192, 8, 8)


@pytest.mark.parametrize(
    ("name", "psnr"),
    # Measured with another implementation (dynamic ranges of activations, other inputs).
    [("w8a8", 49.3), ("w4a8", 34.0), ("w8a16", 59.4), ("fp8-e4m3", 40.0), ("fp8-e5m2", 34.0)],
)
def test_what_each_variant_costs_a_decoder(decoder, latent, name, psnr):
    with torch.no_grad():
        before = decoder(latent)
    [variant] = [v for v in harness_variants() if v.name == name]
    model = wrap(_Decoder(decoder), [latent], **variant.params)
    error = float((model.decode(latent) - before).square().mean())
    span = float(before.max() - before.min())
    assert 10.0 * math.log10(span**2 / error) == pytest.approx(psnr, abs=5.0)
    coverage = trace.taken()[1]["quantization"]
    # GDN's 1 x 1 convolutions are functions of its own parameters, and stay in float
    assert coverage["macs_share"] == pytest.approx(0.8725, abs=1e-3)
    assert coverage["weights_share"] == pytest.approx(0.967, abs=1e-3)
    model.at({"other": 1})  # the decoder is shared by tests: back to float
    with torch.no_grad():
        assert torch.equal(decoder(latent), before)


def test_methods_run_quantised_at_every_point(small):
    torch.manual_seed(0)
    x = torch.randn(_X)
    expected = []
    for quality in (1, 2):
        small.network({"quality": quality})
        expected.append(small.run(x))
    model = wrap(small, [x, 2.0 * x], **_W8A8)
    for quality, before in ((1, expected[0]), (2, expected[1]), (1, expected[0])):
        model.at({"quality": quality})
        found = model.run(x)
        assert not torch.equal(found, before)
        assert torch.allclose(found, before, atol=0.05)
        assert trace.taken()[1]["quantization"] == {
            "weights": "int8",
            "activations": "int8",
            "layers": 3,
            "items": 2,
            "macs_share": 1.0,
            "weights_share": pytest.approx(2220 / 2239),  # all but the biases
        }


def test_the_same_items_give_the_same_numbers_in_another_model(small):
    torch.manual_seed(0)
    items = [torch.randn(_X) for _ in range(3)]
    first, second = (wrap(type(small)(small._make), items, **_W8A8) for _ in range(2))
    second.components(items[2], {})  # in another order
    assert torch.equal(first.run(items[0]), second.run(items[0]))


def test_calibration_clips_what_it_has_not_seen(small):
    x = torch.ones(_X)
    model = wrap(small, [x], **_W8A8)
    layer = model.components(x, {})[0].module[0]
    assert (float(layer.low), float(layer.high)) == (1.0, 1.0)
    with torch.no_grad():
        assert torch.equal(layer(100.0 * x), layer(x))


def test_components_are_the_modules_that_methods_run(small):
    x = torch.randn(_X)
    model = wrap(small, [x], **_W8A8)
    [component] = model.components(x, {})
    with torch.no_grad():
        assert torch.equal(component.module(x), model.run(x))
    assert "int8" in weights(component.module).parameter_bytes


def test_attributes_and_methods_are_the_models(small):
    model = wrap(small, [torch.randn(_X)], **_W8A8)
    model.run(torch.randn(_X))
    assert model.calls == 1
    assert not hasattr(model, "nothing")


def test_new_weights_are_quantised_anew(small):
    class Fitted(type(small)):
        def load(self, value):
            with torch.no_grad():
                self.loaded[1][0].weight.fill_(value)

    x = torch.randn(_X)
    model = wrap(Fitted(small._make), [x], **_W8A8)
    model.components(x, {})
    model.load(0.25)
    layer = model.components(x, {})[0].module[0]
    assert torch.all(layer._parameters["weight"] == 127)
    assert torch.allclose(layer.weight, torch.tensor(0.25))


def test_a_model_without_modules_has_no_variant():
    with pytest.raises(NotMeasuredError, match=r"it has no components\(\)"):
        wrap(object(), [1], **_W8A8)


def test_no_items_no_calibration(small):
    with pytest.raises(QuantizationError, match="no item to calibrate on"):
        wrap(small, [], **_W8A8)


def test_nothing_to_quantise_is_an_error(small):
    model = wrap(type(small)(nn.ReLU), [torch.randn(_X)], **_W8A8)
    with pytest.raises(QuantizationError, match="nothing to quantise") as error:
        model.run(torch.randn(_X))
    assert error.value.outcome == "invalid"


def test_a_variant_that_equals_the_original_is_an_error(small):
    class Whole(type(small)):
        def network(self, point):
            network = super().network(point)
            with torch.no_grad():
                network[0].weight.fill_(1.0)
                network[0].bias.fill_(0.0)
            return network

    x = torch.full(_X, 255.0)
    model = wrap(Whole(lambda: nn.Sequential(nn.Conv2d(3, 2, 1))), [x], **_W8A8)
    with pytest.raises(QuantizationError, match="every output equals the original's"):
        model.run(x)


def test_a_method_that_runs_none_of_the_components_is_skipped(small):
    class Copies(type(small)):
        def components(self, item, point):
            import copy

            [component] = super().components(item, point)
            return [Component(name="copy", module=copy.deepcopy(component.module), inputs=[item])]

    x = torch.randn(_X)
    model = wrap(Copies(small._make), [x], **_W8A8)
    with pytest.raises(NotMeasuredError, match="run ran 3 layers, none of them among those"):
        model.run(x)


def test_items_of_another_kind_are_one_line(small):
    class Strict(type(small)):
        def components(self, item, point):
            raise KeyError("observations\nof another kind")

    model = wrap(Strict(small._make), [1], **_W8A8)
    with pytest.raises(QuantizationError, match="does not take an item of the cal") as error:
        model.run(torch.randn(_X))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("weights", "activations", "line"),
    [
        ("int7", "int8", r"weights: unknown format 'int7' \(did you mean"),
        ("int16", "int8", "weights: unknown format 'int16'"),
        ("int8", "e4m3", r"activations: unknown format 'e4m3' \(did you mean 'fp8-e4m3'\?\)"),
        ("ternary", None, "weights: unknown format 'ternary'; known are int4, int8"),
    ],
)
def test_unknown_formats_are_refused(weights, activations, line):
    with pytest.raises(ValueError, match=line):
        check(weights, activations)


@pytest.mark.parametrize("variant", harness_variants(), ids=lambda v: v.name)
def test_declared_variants_are_valid(variant):
    check(**variant.params)
    assert variant.calibrated
