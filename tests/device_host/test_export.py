from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._pytree import tree_leaves

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from harness_plugins.device_host.export import (  # noqa: E402
    OPSET,
    ExportError,
    as_tensors,
    to_onnx,
    to_pt2,
)


class Sum(torch.nn.Module):
    """Takes nested inputs and a number, returns a dict with one tensor twice."""

    def forward(self, x, scale, more):
        total = x * scale + more["a"] + more["b"][0]
        return {"sum": total, "again": total, "input": x}


class Svd(torch.nn.Module):
    def forward(self, x):
        return torch.linalg.svd(x)[1]


class Branch(torch.nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Bound(torch.autograd.Function):
    """As in codecs: a bound with a gradient of its own."""

    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0.1)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Bounded(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return Bound.apply(self.layer(x))


def bounded():
    torch.manual_seed(0)
    return Bounded(), [(1, 3, 6, 6)]


def windows():
    from harness_plugins.codec_transform.networks.swin import SwinBlock

    torch.manual_seed(0)
    return SwinBlock(32, 4, 2), [(1, 8, 8, 32)]


def igdn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zoo = pytest.importorskip("compressai.zoo")
    torch.manual_seed(0)
    return zoo.bmshj2018_hyperprior(1, pretrained=False).g_s, [(1, 192, 2, 2)]


def swin_charm():
    from harness_plugins.codec_transform.networks import Decoder, swint_charm

    torch.manual_seed(0)
    return Decoder(swint_charm()), [(1, 320, 16, 16), (1, 192, 4, 4)]


KINDS = [
    bounded,
    windows,
    pytest.param(igdn, marks=pytest.mark.slow),
    pytest.param(swin_charm, marks=pytest.mark.slow),
]


def run(model, tensors):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feeds = {f"input_{n}": tensor.numpy() for n, tensor in enumerate(tensors)}
    return session.run(None, feeds)


@pytest.mark.parametrize("make", KINDS)
def test_onnx_computes_what_torch_does(make):
    module, shapes = make()
    inputs = as_tensors(shapes)
    found = run(to_onnx(module, shapes), inputs)
    with torch.no_grad():
        expected = module.eval()(*inputs).numpy()
    assert np.abs(found[0] - expected).max() < 1e-4
    assert np.ptp(expected) > 0.01


@pytest.mark.parametrize("make", KINDS)
def test_pt2_computes_what_torch_does(make, tmp_path):
    module, shapes = make()
    inputs = as_tensors(shapes)
    (tmp_path / "m.pt2").write_bytes(to_pt2(module, shapes))
    program = torch.export.load(tmp_path / "m.pt2").module()
    with torch.no_grad():
        torch.testing.assert_close(program(*inputs), module.eval()(*inputs))


@pytest.mark.parametrize("export", [to_onnx, to_pt2])
def test_equal_modules_give_equal_bytes_that_tell_no_path(export):
    (module, shapes), (twin, _) = bounded(), bounded()
    made = export(module, shapes)
    assert made == export(twin, as_tensors(shapes))
    assert __file__.rpartition("/")[0].encode() not in made
    assert b"site-packages" not in made
    with torch.no_grad():
        next(twin.parameters()).add_(1)
    assert export(twin, shapes) != made


def test_ends_are_named_by_place_and_every_output_is_there():
    inputs = [(2, 3), 3, {"a": (2, 3), "b": [(2, 3)]}]
    model = to_onnx(Sum(), inputs)
    graph = onnx.load_from_string(model).graph
    assert [value.name for value in graph.input] == ["input_0", "input_1", "input_2"]
    assert [value.name for value in graph.output] == ["output_0", "output_1", "output_2"]
    assert onnx.load_from_string(model).opset_import[0].version == OPSET == 20
    tensors = as_tensors(inputs)
    expected = Sum()(*tensors)
    leaves = [leaf for leaf in tree_leaves(tensors) if isinstance(leaf, torch.Tensor)]
    for found, wanted in zip(run(model, leaves), expected.values(), strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-6, atol=1e-6)


def test_modes_and_weights_stay_as_they_were():
    module = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Dropout(0.5))
    module[0].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    to_onnx(module, [(1, 3)])
    to_pt2(module, [(1, 3)])
    assert [part.training for part in module.modules()] == [True, False, True]
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.requires_grad is before[name].requires_grad


def test_exporters_keep_quiet(capfd, caplog):
    with caplog.at_level(logging.DEBUG):
        to_onnx(*bounded())
        to_pt2(*bounded())
        with pytest.raises(ExportError):
            to_onnx(Svd(), [(4, 4)])
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
    assert logging.getLogger("torch.onnx").level != logging.CRITICAL


@pytest.mark.parametrize(
    ("module", "shapes", "says"),
    [
        (Svd(), [(4, 4)], "linalg_svd"),
        (Branch(), [(4, 4)], "data-dependent"),
        (torch.nn.Linear(3, 4), [(4, 4)], "4, 4"),
        (torch.nn.Linear(3, 4, device="meta"), [(1, 3)], "meta"),
        (torch.nn.Linear(3, 4), [(0, 3)], "at least 1"),
        (len, [(1, 3)], "no torch module"),
    ],
)
def test_failures_are_one_line_with_the_component(module, shapes, says):
    with pytest.raises(ExportError) as caught:
        to_onnx(module, shapes, name="g_s")
    message = str(caught.value)
    assert message.startswith("g_s: ")
    assert says in message
    assert "\n" not in message
    assert len(message) < 400
    assert caught.value.outcome == "invalid"


@pytest.mark.parametrize(
    ("module", "shapes", "says"),
    [(Branch(), [(4, 4)], "data-dependent"), (torch.nn.Linear(3, 4), [(4, 4)], "4, 4")],
)
def test_failures_of_torch_export_too(module, shapes, says):
    with pytest.raises(ExportError, match=r"^Branch: |^Linear: ") as caught:
        to_pt2(module, shapes)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_has_no_more_than_two_gib(monkeypatch):
    from harness_plugins.device_host import export

    monkeypatch.setattr(export, "_LIMIT", 100)
    with pytest.raises(ExportError, match="2 GiB"):
        to_onnx(torch.nn.Linear(30, 30), [(1, 30)])


shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


@settings(max_examples=30)
@given(st.lists(shapes, max_size=4), st.integers(0, 2**31))
def test_shapes_become_seeded_tensors(sizes, seed):
    made = as_tensors(sizes, seed)
    assert [tuple(t.shape) for t in made] == sizes
    assert all(t.dtype == torch.float32 for t in made)
    assert all(map(torch.equal, made, as_tensors(sizes, seed)))


def test_shapes_become_standard_normal_values():
    made = as_tensors([(100, 100)])[0]
    assert made.mean().item() == pytest.approx(0, abs=0.04)  # four standard errors
    assert made.std().item() == pytest.approx(1, abs=0.03)
    assert not torch.equal(made, as_tensors([(100, 100)], seed=1)[0])


def test_other_inputs_stay():
    tensor = torch.arange(3)
    made = as_tensors([tensor, b"x", 5, None, {"a": (2,)}, [(3,), "t"]])
    assert torch.equal(made[0], tensor)
    assert made[1:4] == [b"x", 5, None]
    assert made[4]["a"].shape == (2,)
    assert made[5][0].shape == (3,)
    assert made[5][1] == "t"


def test_shapes_are_of_positive_sizes():
    with pytest.raises(ValueError, match="at least 1"):
        as_tensors([(3, 0)])
