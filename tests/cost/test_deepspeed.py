"""The convention of DeepSpeed 0.5.10.

Expected MACs are what ``deepspeed/profiling/flops_profiler/profiler.py`` of that release itself
printed for these modules on the CPU under torch 2.14, run once beside this test.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from harness.cost import Cost, count


class Code(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def billed(module: nn.Module, shapes: Any) -> Cost:
    return count(module, shapes, convention="deepspeed-0.5.10")


PAIR = [(2, 3, 4), (2, 4, 5)]


@pytest.mark.parametrize(
    ("module", "shapes", "macs", "dense"),
    [
        (nn.Conv1d(6, 8, 5, padding=2, groups=2), [(2, 6, 40)], 30240, 9600),
        (
            nn.Conv2d(6, 8, (3, 5), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
            [(2, 6, 20, 30)],
            187200,
            187200,
        ),
        (nn.ConvTranspose2d(6, 8, 3, stride=2, groups=2), [(2, 6, 9, 9)], 26244, 34992),
        (nn.ConvTranspose1d(6, 8, 3), [(2, 6, 9)], 15552, 2592),
        (nn.Linear(5, 7), [(3, 4, 5)], 420, 420),
        (nn.MultiheadAttention(8, 2, batch_first=True), [(2, 6, 8)] * 3, 4224, 4224),
        (Code(torch.matmul), PAIR, 120, 120),
        (Code(lambda a, b: a.matmul(b)), PAIR, 120, 120),
        (Code(torch.bmm), PAIR, 120, 120),
        (Code(lambda a, b: a.bmm(b)), PAIR, 240, 120),
        (Code(lambda a, b: torch.mm(a[0], b[0])), PAIR, 60, 60),
        (Code(lambda a, b: torch.addmm(torch.zeros(1, 1), a[0], b[0])), PAIR, 60, 60),
    ],
)
def test_what_the_profiler_billed(module: nn.Module, shapes: Any, macs: int, dense: int) -> None:
    cost = billed(module, shapes)
    assert (cost.macs, cost.without_formula) == (macs, {})
    assert cost.convention == "deepspeed-0.5.10"
    assert count(module, shapes).macs == dense


@pytest.mark.parametrize(
    ("module", "shapes", "macs", "missed"),
    [
        (Code(lambda a, b: a @ b), PAIR, 0, {"Tensor.__matmul__": 1}),
        (Code(lambda a, b: torch.einsum("bij,bjk->bik", a, b)), PAIR, 0, {"aten.einsum": 1}),
        (
            Code(lambda a, b: torch.baddbmm(torch.zeros(1), a, b)),
            PAIR,
            0,
            {"aten.baddbmm": 1},
        ),
        (
            Code(lambda a, _b: functional.scaled_dot_product_attention(a, a, a)),
            PAIR,
            0,
            {"aten.scaled_dot_product_attention": 1},
        ),
        (
            nn.TransformerEncoderLayer(8, 2, 16),
            [(2, 6, 8)],
            6144,
            {"aten.scaled_dot_product_attention": 1},
        ),
        (nn.LSTM(4, 5), [(3, 2, 4)], 0, {"aten.lstm": 4}),
        (nn.GRU(4, 5), [(3, 2, 4)], 0, {"aten.gru": 4}),
        (nn.Bilinear(3, 4, 5), [(2, 3), (2, 4)], 0, {"aten.bilinear": 1}),
    ],
)
def test_what_the_profiler_did_not_see_is_named(
    module: nn.Module, shapes: Any, macs: int, missed: dict[str, int]
) -> None:
    cost = billed(module, shapes)
    assert (cost.macs, cost.without_formula) == (macs, missed)


@pytest.mark.parametrize(
    ("module", "shape", "reason"),
    [
        (nn.Conv2d(6, 8, 3, padding="same"), (2, 6, 20, 30), "padding given as a word"),
        (nn.Conv3d(3, 4, 3), (1, 3, 8, 8, 8), "three dimensions"),
        (nn.ConvTranspose3d(6, 8, 3), (2, 6, 5, 5, 5), "three dimensions"),
        (nn.Conv2d(6, 8, 3), (6, 20, 30), "without a batch"),
    ],
)
def test_where_the_profiler_failed_there_is_no_number(
    module: nn.Module, shape: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(ValueError, match=f"DeepSpeed 0.5.10 fails on .*{reason}") as caught:
        billed(module, [shape])
    assert "\n" not in str(caught.value)
    assert count(module, [shape]).macs > 0


def test_products_with_an_operator_between_others() -> None:
    def mixed(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a @ b).bmm(torch.ones(2, 5, 1)) + torch.matmul(a, b).sum()

    cost = billed(Code(mixed), PAIR)
    assert cost.macs == 2 * (2 * 3 * 5) + 120
    assert cost.without_formula == {"Tensor.__matmul__": 1}


def test_threads_do_not_disturb_each_other() -> None:
    module = Code(lambda a, b: a @ b + torch.bmm(a, b))
    matmul, bmm = torch.Tensor.__matmul__, torch.Tensor.bmm
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: billed(module, PAIR), range(12)))
    assert {cost.macs for cost in found} == {120}
    assert {tuple(cost.without_formula.items()) for cost in found} == {(("Tensor.__matmul__", 1),)}
    assert (torch.Tensor.__matmul__, torch.Tensor.bmm) == (matmul, bmm)
    assert "__matmul__" not in vars(torch.Tensor)
