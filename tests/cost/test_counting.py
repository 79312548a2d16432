"""MACs of operators against values by hand."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torchvision.ops import DeformConv2d, nms

from harness.cost import CONVENTIONS, Cost, count


class Code(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def macs(function: Callable[..., Any], *shapes: tuple[int, ...], **options: Any) -> Cost:
    return count(Code(function), shapes, **options)


class TimesParameter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight


HAND = [
    # outputs x inputs of each filter x kernel
    (nn.Conv2d(3, 8, 3, padding=1), [(1, 3, 32, 32)], {"convolution": 32 * 32 * 8 * 3 * 9}),
    (nn.Conv2d(8, 12, 3, groups=4), [(2, 8, 10, 12)], {"convolution": 2 * 8 * 10 * 12 * 2 * 9}),
    (nn.Conv2d(8, 8, 3, groups=8), [(1, 8, 9, 9)], {"convolution": 49 * 8 * 9}),
    (
        nn.Conv2d(4, 5, (3, 5), dilation=(2, 3), stride=2),
        [(1, 4, 21, 33)],
        {"convolution": 9 * 11 * 5 * 4 * 15},
    ),
    (nn.Conv1d(4, 6, 5), [(3, 4, 20)], {"convolution": 3 * 16 * 6 * 4 * 5}),
    (nn.Conv3d(2, 3, 3), [(1, 2, 5, 6, 7)], {"convolution": 3 * 4 * 5 * 3 * 2 * 27}),
    # every input meets every tap of every filter once, whatever the stride
    (
        nn.ConvTranspose2d(6, 4, 5, stride=2, padding=2, output_padding=1),
        [(1, 6, 8, 12)],
        {"transposed convolution": 8 * 12 * 6 * 4 * 25},
    ),
    (
        nn.ConvTranspose2d(8, 12, 4, stride=2, groups=4),
        [(2, 8, 5, 7)],
        {"transposed convolution": 2 * 5 * 7 * 8 * 3 * 16},
    ),
    (
        nn.ConvTranspose1d(4, 6, 3, dilation=2),
        [(1, 4, 9)],
        {"transposed convolution": 9 * 4 * 6 * 3},
    ),
    (nn.Linear(7, 5), [(2, 3, 7)], {"linear": 6 * 35}),
    (TimesParameter(), [(4, 6)], {"linear": 4 * 48}),
    # batch x heads x queries x keys x (size of keys + size of values)
    (
        Code(functional.scaled_dot_product_attention),
        [(2, 4, 10, 16), (2, 4, 13, 16), (2, 4, 13, 8)],
        {"attention": 2 * 4 * 10 * 13 * 24},
    ),
    (
        Code(lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, is_causal=True)),
        [(2, 4, 10, 16)] * 3,
        {"attention": 2 * 4 * 10 * 10 * 32},
    ),
    (
        nn.MultiheadAttention(16, 4, batch_first=True),
        [(2, 10, 16)] * 3,
        {"attention": 2 * 10 * 10 * 32, "linear": 2 * 10 * 4 * 16 * 16},
    ),
    (
        nn.TransformerEncoderLayer(16, 4, 64, batch_first=True),
        [(2, 10, 16)],
        {"attention": 2 * 10 * 10 * 32, "linear": 2 * 10 * (4 * 16 * 16 + 2 * 16 * 64)},
    ),
    # four gates, from the input and from the state
    (nn.LSTM(6, 8), [(10, 3, 6)], {"recurrent": 30 * 4 * 8 * (6 + 8)}),
    (
        nn.LSTM(6, 8, num_layers=2, bidirectional=True),
        [(10, 3, 6)],
        {"recurrent": 30 * 2 * 4 * 8 * (6 + 8) + 30 * 2 * 4 * 8 * (16 + 8)},
    ),
    (nn.GRU(6, 8), [(10, 3, 6)], {"recurrent": 30 * 3 * 8 * (6 + 8)}),
    (nn.RNN(6, 8), [(10, 3, 6)], {"recurrent": 30 * 8 * (6 + 8)}),
    (nn.LSTMCell(6, 8), [(3, 6)], {"recurrent": 3 * 4 * 8 * (6 + 8)}),
    (nn.GRUCell(6, 8), [(3, 6)], {"recurrent": 3 * 3 * 8 * (6 + 8)}),
    (
        DeformConv2d(4, 6, 3, padding=1),
        [(1, 4, 10, 12), (1, 18, 10, 12)],
        {"deformable convolution": 10 * 12 * 6 * 4 * 9},
    ),
    (
        DeformConv2d(4, 6, 3, groups=2),
        [(2, 4, 10, 12), (2, 18, 8, 10)],
        {"deformable convolution": 2 * 8 * 10 * 6 * 2 * 9},
    ),
    (Code(torch.matmul), [(2, 3, 4, 5), (2, 3, 5, 6)], {"matmul": 6 * 4 * 5 * 6}),
    (Code(torch.matmul), [(4, 5), (5,)], {"matmul": 20}),
    (Code(torch.dot), [(9,), (9,)], {"matmul": 9}),
    (
        Code(lambda a, b: torch.einsum("bij,bkj->bik", a, b)),
        [(2, 4, 5), (2, 6, 5)],
        {"matmul": 240},
    ),
    (Code(torch.baddbmm), [(2, 4, 6), (2, 4, 5), (2, 5, 6)], {"matmul": 240}),
    (Code(torch.addbmm), [(4, 6), (2, 4, 5), (2, 5, 6)], {"matmul": 240}),
    (Code(torch.addmv), [(4,), (4, 5), (5,)], {"matmul": 20}),
    # not counted by convention
    (nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2)), [(1, 4, 8, 8)], {}),
    (nn.Sequential(nn.LayerNorm(8), nn.GELU(), nn.Softmax(-1)), [(4, 8)], {}),
    (nn.Sequential(nn.Hardswish(inplace=True), nn.ReLU6(inplace=True)), [(4, 8)], {}),
    (nn.Upsample(scale_factor=2, mode="bilinear"), [(1, 3, 8, 8)], {}),
    (Code(lambda x: x.masked_fill_(x > 0, 0.0).roll(1, 0)), [(4, 8)], {}),
]


@pytest.mark.parametrize(
    ("module", "shapes", "kinds"),
    HAND,
    ids=[f"{type(h[0]).__name__}-{i}" for i, h in enumerate(HAND)],
)
def test_by_hand(module: nn.Module, shapes: Any, kinds: dict[str, int]) -> None:
    cost = count(module, shapes)
    assert cost.by_kind == kinds
    assert cost.macs == sum(kinds.values())
    assert cost.without_formula == {}


@pytest.mark.parametrize(
    ("function", "shapes", "names"),
    [
        (
            lambda x, g: functional.grid_sample(x, g, align_corners=False),
            [(1, 3, 8, 8), (1, 4, 4, 2)],
            {"aten.grid_sampler_2d": 1},
        ),
        (lambda x: torch.fft.fft(x).real, [(4, 8)], {"aten._fft_r2c": 1}),
        (torch.cdist, [(4, 8), (5, 8)], {"aten._cdist_forward": 1}),
        (lambda x: torch.linalg.svd(x)[1], [(3, 4)], {"aten._linalg_svd": 1}),
    ],
)
def test_operators_without_a_formula_are_named(
    function: Callable[..., Any], shapes: Any, names: dict[str, int]
) -> None:
    cost = macs(function, *shapes)
    assert cost.without_formula == names
    assert cost.macs == 0


def test_bilinear_layers_are_named() -> None:
    assert count(nn.Bilinear(3, 4, 5), [(2, 3), (2, 4)]).without_formula == {"aten._trilinear": 1}


def test_a_formula_registered_with_torch_counts() -> None:
    from torch.utils.flop_counter import flop_registry, register_flop_formula

    target = torch.ops.aten._cdist_forward
    assert target not in flop_registry
    try:

        @register_flop_formula(target)
        def formula(a: Any, b: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
            return 2 * math.prod(a) * b[0]

        cost = macs(torch.cdist, (4, 8), (5, 8))
    finally:
        flop_registry.pop(target, None)
    assert (cost.by_kind, cost.without_formula) == ({"other": 4 * 8 * 5}, {})


# --- properties ---------------------------------------------------------------------------

sizes = st.integers(1, 9)


@given(st.data())
def test_any_convolution(data: st.DataObject) -> None:
    draw = data.draw
    dims, groups, batch = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    inputs, outputs = groups * draw(st.integers(1, 4)), groups * draw(st.integers(1, 4))
    per_axis = st.lists(st.integers(1, 3), min_size=dims, max_size=dims).map(tuple)
    kernel, stride, dilation = draw(per_axis), draw(per_axis), draw(per_axis)
    padding = tuple(draw(st.integers(0, 2)) for _ in range(dims))
    sides = tuple(draw(st.integers(7, 12)) for _ in range(dims))
    transposed = draw(st.booleans())
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    name = f"Conv{'Transpose' if transposed else ''}{dims}d"
    layer = getattr(nn, name)(inputs, outputs, kernel, **options, bias=draw(st.booleans()))
    cost = count(layer, [(batch, inputs, *sides)])
    if transposed:
        expected = batch * math.prod(sides) * inputs * outputs // groups * math.prod(kernel)
    else:
        out = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(sides, padding, dilation, kernel, stride, strict=True)
        ]
        expected = batch * math.prod(out) * outputs * inputs // groups * math.prod(kernel)
    kind = "transposed convolution" if transposed else "convolution"
    assert cost.by_kind == {kind: expected}


@st.composite
def networks(draw: st.DrawFn) -> nn.Module:
    """Draw nested blocks on (N, 8, H, W)."""
    blocks = {
        "conv": lambda: nn.Conv2d(8, 8, 3, padding=1),
        "depthwise": lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8),
        "up and down": lambda: nn.Sequential(
            nn.ConvTranspose2d(8, 8, 2, stride=2), nn.Conv2d(8, 8, 2, stride=2)
        ),
        "norm": lambda: nn.Sequential(nn.BatchNorm2d(8), nn.SiLU()),
        "attention": lambda: Code(
            lambda x: functional.scaled_dot_product_attention(*[x.flatten(2).mT] * 3).mT.view_as(x)
        ),
        "gram": lambda: Code(lambda x: (x.flatten(2) @ x.flatten(2).mT @ x.flatten(2)).view_as(x)),
        "nested": lambda: nn.Sequential(nn.Sequential(nn.Conv2d(8, 8, 1))),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(blocks)), max_size=5))
    return nn.Sequential(*(blocks[name]() for name in chosen))


@given(networks(), st.sampled_from(CONVENTIONS), st.integers(1, 3), st.integers(1, 9))
def test_sums(network: nn.Module, convention: str, batch: int, side: int) -> None:
    shape = (batch, 8, side, side + 1)
    cost = count(nn.Sequential(network), [shape], convention=convention, depth=9)
    assert cost.macs == sum(cost.by_kind.values())
    assert cost.by_module.get("0", 0) == cost.macs
    for name, part in network.named_modules(prefix="0"):
        inside = [cost.by_module.get(f"{name}.{child}", 0) for child, _ in part.named_children()]
        if inside:  # a part of parts does nothing of its own here
            assert cost.by_module.get(name, 0) == sum(inside)
    again = count(nn.Sequential(network), [shape], convention=convention, depth=9)
    assert again == cost
    one = count(network, [(1, *shape[1:])], convention=convention)
    assert cost.macs == batch * one.macs


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_part_that_is_called_twice_counts_twice(convention: str) -> None:
    layer = nn.Linear(4, 4)
    shared = nn.Sequential(layer, nn.ReLU(), layer)
    cost = count(shared, [(3, 4)], convention=convention, depth=1)
    assert cost.macs == 2 * 3 * 16
    assert cost.by_module == {"0": 2 * 3 * 16}


# --- what goes in and what is left --------------------------------------------------------


def test_inputs_of_all_kinds() -> None:
    def function(x: Any, pair: Any, named: Any, scale: float, *, extra: Any) -> Any:
        return x @ pair[0] * scale + pair[1] + named["mask"] @ extra

    class Many(nn.Module):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

    mask = torch.zeros(2, 7, dtype=torch.float64)
    cost = count(
        Many(),
        [(2, 3), [(3, 4), torch.zeros(2, 4)], {"mask": mask}, 0.5],
        keywords={"extra": torch.zeros(7, 4, dtype=torch.float64)},
    )
    assert cost.macs == 2 * 3 * 4 + 2 * 7 * 4
    assert cost.inputs == {
        "0": (2, 3),
        "1.0": (3, 4),
        "1.1": (2, 4),
        "2.mask": (2, 7),
        "extra": (7, 4),
    }


class Pair(NamedTuple):
    left: Any
    right: Any


def test_named_tuples_are_inputs() -> None:
    cost = macs(lambda pair: pair.left @ pair.right, Pair((2, 3), torch.zeros(3, 4)))  # type: ignore[arg-type]
    assert cost.macs == 24
    assert set(cost.inputs.values()) == {(2, 3), (3, 4)}


def test_a_module_that_cannot_be_copied() -> None:
    module = nn.Linear(4, 3)
    module.lock = threading.Lock()  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"Linear .*cannot be copied without its data") as caught:
        count(module, [(1, 4)])
    assert "\n" not in str(caught.value)
    with torch.device("meta"):  # one on meta needs no copy
        empty = nn.Linear(4, 3)
    empty.lock = threading.Lock()  # type: ignore[assignment]
    assert count(empty, [(1, 4)]).macs == 12


def test_work_without_multiplications_and_empty_products() -> None:
    assert macs(lambda a, b: a[:0] @ b, (3, 4), (4, 5)).by_kind == {}


def test_the_module_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    model[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model[0].weight.grad = torch.ones_like(model[0].weight)
    modes = [part.training for part in model.modules()]
    threads = torch.get_num_threads()
    matmul = torch.Tensor.__matmul__
    for convention in CONVENTIONS:
        count(model, [(2, 3, 8, 8)], convention=convention)
        with pytest.raises(ValueError, match="does not run"):
            count(model, [(2, 5, 8, 8)], convention=convention)
    assert [part.training for part in model.modules()] == modes
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    assert torch.get_num_threads() == threads
    assert torch.Tensor.__matmul__ is matmul
    assert model[0].weight.grad is not None
    assert model[0].weight.requires_grad
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.device.type == "cpu"
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    model(torch.zeros(2, 3, 8, 8)).sum().backward()


def test_weights_or_none_and_any_type_give_the_same() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5))

    with torch.device("meta"):
        empty = build()
    real = build()
    shape = (1, 3, 8, 8)
    assert count(empty, [shape]) == count(real, [torch.zeros(shape)])
    assert count(real.half(), [torch.zeros(shape).half()]) == count(empty, [shape])


def test_tables_made_on_the_host_may_steer() -> None:
    class Blocks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for index in torch.arange(4).flip(0)[:2].tolist():
                x = self.layers[index](x) + torch.ones(4)
            return x

    assert count(Blocks(), [(2, 4)]).macs == 2 * 2 * 16


def test_cost_says_how_it_is_made() -> None:
    cost = count(nn.Conv2d(3, 8, 3, padding=1), [(1, 3, 32, 32)])
    assert cost.signature == "macs|dense|eval|v1"
    assert cost.kmac_per_pixel(32 * 32) == pytest.approx(0.216)
    with pytest.raises(ValueError, match="pixels must be at least 1"):
        cost.kmac_per_pixel(0)
    other = count(nn.Linear(1, 1), [(1, 1)], convention="deepspeed-0.5.10")
    assert other.signature == "macs|deepspeed-0.5.10|eval|v1"


# --- what cannot be counted ---------------------------------------------------------------

VALUES = r"^Code cannot run on the meta device, its work depends on values: "


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: x if x.sum() > 0 else -x, [(4,)]),
        (lambda x: x * float(x.mean()), [(4,)]),
        (lambda x: x[x > 0], [(4,)]),
        (torch.unique, [(4,)]),
        (lambda x: torch.from_numpy(x.numpy()), [(4,)]),
        (lambda x: x.tolist(), [(4,)]),
        (lambda x: torch.zeros(4).copy_(x), [(4,)]),
        (lambda boxes, scores: nms(boxes, scores, 0.5), [(5, 4), (5,)]),
    ],
)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_work_that_depends_on_values(
    function: Callable[..., Any], shapes: Any, convention: str
) -> None:
    with pytest.raises(ValueError, match=VALUES) as caught:
        macs(function, *shapes, convention=convention)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_detector() -> None:
    from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn as build

    model = build(weights=None, weights_backbone=None)
    with pytest.raises(ValueError, match=r"^FasterRCNN cannot run on the meta device") as caught:
        count(model, [[(3, 320, 320)]])
    assert "\n" not in str(caught.value)


def test_a_shape_it_does_not_take() -> None:
    with pytest.raises(ValueError, match=r"^Linear does not run with inputs 2x5: ") as caught:
        count(nn.Linear(4, 3), [(2, 5)])
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"^Linear does not run with inputs no tensors: "):
        count(nn.Linear(4, 3), [])
    with pytest.raises(ValueError, match="input shape 2x0: every size must be at least 1"):
        count(nn.Linear(4, 3), [(2, 0)])


def test_torchscript_and_lazy_layers() -> None:
    with warnings.catch_warnings(action="ignore"):
        scripted = torch.jit.trace(nn.Linear(4, 3), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="TorchScript hides its operators") as caught:
        count(scripted, [(1, 4)])
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="lazy layers have no shape before their first call"):
        count(nn.Sequential(nn.LazyLinear(3)), [(1, 4)])


def test_an_unknown_convention() -> None:
    with pytest.raises(ValueError, match="unknown convention 'thop', expected one of"):
        count(nn.Linear(4, 3), [(1, 4)], convention="thop")
