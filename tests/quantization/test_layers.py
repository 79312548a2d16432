from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from harness.cost import count, digest, weights
from harness_plugins.device_host.export import to_onnx
from harness_plugins.quantization.layers import Range, layers_of, macs_of, quantize, restore

_LAYERS = {
    "linear": (lambda: nn.Linear(6, 4), (2, 6)),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3), (1, 4, 9)),
    "conv2d": (lambda: nn.Conv2d(4, 6, 3, groups=2, dilation=2), (1, 4, 9, 9)),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2), (1, 4, 5, 5)),
    "transposed, groups": (lambda: nn.ConvTranspose2d(4, 6, 3, groups=2), (1, 4, 5, 5)),
    "transposed, depthwise": (lambda: nn.ConvTranspose2d(4, 4, 3, groups=4), (1, 4, 5, 5)),
}


def _made(name):
    torch.manual_seed(0)
    make, shape = _LAYERS[name]
    x = torch.randn(shape)
    seen = Range()
    seen.see(x)
    return make(), x, seen


@pytest.mark.parametrize("name", _LAYERS)
@torch.no_grad()
def test_sixteen_bits_are_nearly_what_it_was(name):
    layer, x, seen = _made(name)
    before = layer(x)
    quantize(layer, seen, "int16", "int16")
    # errors of a 65,000th of the largest weight and input, summed over at most 36 products
    assert torch.allclose(layer(x), before, atol=2e-3)
    assert not torch.equal(layer(x), before)


@pytest.mark.parametrize("name", _LAYERS)
@torch.no_grad()
def test_each_output_channel_uses_its_whole_range(name):
    """The largest stored weight of each channel is 127, found channel by channel of the output."""
    layer, x, seen = _made(name)
    quantize(layer, seen, "int8", None)
    stored = layer._parameters["weight"]
    layer.bias.zero_()
    for channel in range(4 if name in {"linear", "transposed, depthwise"} else 3):
        # the weights that a channel depends on: the gradient of its output
        probe = layer.weight.clone().requires_grad_()
        with torch.enable_grad():
            y = _apply(layer, x.abs() + 1.0, probe)
            (used,) = torch.autograd.grad(y.select(1, channel).sum(), probe)
        assert stored[used != 0].abs().max() == 127


def _apply(layer, x, weight):
    kind = type(layer).__mro__[2]
    if kind is nn.Linear:
        return nn.functional.linear(x, weight)
    name = {nn.Conv1d: "conv1d", nn.Conv2d: "conv2d", nn.Conv3d: "conv3d"}.get(kind)
    more = {"stride": layer.stride, "groups": layer.groups, "dilation": layer.dilation}
    return getattr(nn.functional, name or "conv_transpose2d")(x, weight, **more)


@pytest.mark.parametrize("name", _LAYERS)
@torch.no_grad()
def test_macs_are_those_that_are_counted(name):
    layer, x, _ = _made(name)
    assert macs_of(layer, x, layer(x)) == count(layer, [x]).macs


@torch.no_grad()
def test_a_layer_keeps_its_identity_and_can_be_restored():
    layer, x, seen = _made("conv2d")
    network = nn.Sequential(layer, nn.ReLU())
    before, weight, digest_before = network(x), layer.weight, digest(network)
    names = [name for name, _ in network.named_parameters()]
    quantize(layer, seen, "int8", "int8")
    assert network[0] is layer
    assert isinstance(layer, nn.Conv2d)
    assert [name for name, _ in network.named_parameters()] == names
    assert "QuantizedConv2d(4, 6" in repr(layer)
    assert "weights=int8, activations=int8" in repr(layer)
    assert digest(network) != digest_before
    restore(layer, weight)
    assert type(layer) is nn.Conv2d
    assert torch.equal(network(x), before)
    assert digest(network) == digest_before


@torch.no_grad()
def test_a_quantised_layer_costs_a_quarter_of_the_memory_and_the_same_macs():
    layer, x, seen = _made("linear")
    before = count(layer, [x]).macs
    quantize(layer, seen, "int8", "int8")
    assert weights(layer).parameters == 6 * 4 + 4
    assert weights(layer).parameter_bytes == {"float32": 16, "int8": 24}
    assert count(layer, [x]).macs == before


@torch.no_grad()
def test_weights_of_four_bits_take_half_a_byte_each_in_a_copy_too():
    layer, _, seen = _made("linear")
    quantize(layer, seen, "int4", "int8")
    for one in (layer, copy.deepcopy(layer)):
        assert weights(one).parameters == 6 * 4 + 4
        assert weights(one).parameter_bytes == {"float32": 16, "int4": 12}


@pytest.mark.parametrize("formats", [("int4", "int8"), ("fp8-e4m3", "fp8-e4m3")])
@torch.no_grad()
def test_a_copy_computes_the_same(formats):
    layer, x, seen = _made("transposed, groups")
    quantize(layer, seen, *formats)
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))


@torch.no_grad()
def test_the_exported_layer_computes_the_same():
    import onnxruntime

    layer, x, seen = _made("conv2d")
    quantize(layer, seen, "int8", "int8")
    session = onnxruntime.InferenceSession(to_onnx(layer, [x]))
    [found] = session.run(None, {"input_0": x.numpy()})
    # a value half way between two levels may go either way: one step of one input
    step = float(x.max() - x.min()) / 255.0
    assert torch.allclose(torch.from_numpy(found), layer(x), atol=step)


@torch.no_grad()
def test_half_precision_stays_half_precision():
    layer, x, seen = _made("linear")
    layer = layer.bfloat16()
    quantize(layer, seen, "int8", "int8")
    assert layer(x.bfloat16()).dtype is torch.bfloat16


def test_layers_are_found_once():
    shared = nn.Linear(2, 2)
    network = nn.Sequential(shared, shared, nn.Sequential(nn.Conv2d(1, 1, 1)), nn.ReLU())
    assert layers_of([network, network]) == [shared, network[2][0]]
