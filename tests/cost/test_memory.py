"""Memory: weights, live activations on meta against real runs, the process, digests."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchvision import models

from harness.cost import activations, digest, process_peak_resident_bytes, weights, without_weights

MIB = 2**20


class Storages(TorchDispatchMode):
    """Follow the storages of a real run: the most bytes alive at once, of those made in it."""

    def __init__(self, *known: Any) -> None:
        super().__init__()
        self.known = {t.untyped_storage().data_ptr() for t in known}
        self.alive: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                key = storage.data_ptr()
                if key and key not in self.known and key not in self.alive:
                    self.alive[key] = storage.nbytes()
                    weakref.finalize(storage, self.alive.pop, key, None)
                    self.peak = max(self.peak, sum(self.alive.values()))
        return out


def real_peak(module: nn.Module, *inputs: torch.Tensor) -> int:
    module = module.eval()
    with torch.no_grad():
        mode = Storages(*module.parameters(), *module.buffers(), *inputs)
        with mode:
            module(*inputs)
    return mode.peak


def torchs_own(module: nn.Module, *inputs: torch.Tensor) -> int:
    """Return what torch's ``MemTracker`` calls activations and temporaries at the peak."""
    from torch.distributed._tools.mem_tracker import MemTracker

    tracker = MemTracker()
    tracker.track_external(module.eval(), *inputs)
    with torch.no_grad(), tracker:
        module(*inputs)
    [found] = [
        kinds
        for device, kinds in tracker.get_tracker_snapshot("peak").items()
        if device.type == "cpu"
    ]
    return sum(
        size for kind, size in found.items() if getattr(kind, "name", "") in {"ACT", "TEMP"}
    )


def g_s() -> nn.Module:
    from harness_plugins.codec_transform.networks.convolutional import synthesis

    return synthesis(128)


CASES: list[tuple[Callable[[], nn.Module], tuple[int, ...], int]] = [
    (g_s, (1, 128, 8, 12), 0),
    # On meta batch normalisation also returns statistics, which the CPU leaves empty.
    (lambda: models.resnet50(weights=None), (1, 3, 224, 224), 2048),
    (lambda: models.swin_t(weights=None), (1, 3, 224, 224), 0),
    (lambda: models.vit_b_32(weights=None), (1, 3, 224, 224), 0),
    (lambda: models.mobilenet_v3_small(weights=None), (2, 3, 96, 128), 2048),
]


@pytest.mark.parametrize(("build", "shape", "slack"), CASES)
def test_meta_gives_the_peak_of_a_real_run(
    build: Callable[[], nn.Module], shape: tuple[int, ...], slack: int
) -> None:
    module, x = build(), torch.rand(shape)
    found = activations(module, [shape]).peak_bytes
    assert found == pytest.approx(torchs_own(module, x), abs=slack)
    assert found == pytest.approx(real_peak(module, x), abs=slack)
    assert activations(module, [x]) == activations(module, [shape])


def test_known_peaks() -> None:
    from harness_plugins.codec_compressai.networks import network_class

    with without_weights():
        resnet, swin = models.resnet50(weights=None), models.swin_t(weights=None)
    picture = (1, 3, 224, 224)
    assert activations(resnet, [picture]).peak_bytes / MIB == pytest.approx(10.0, abs=0.05)
    assert activations(swin, [picture]).peak_bytes / MIB == pytest.approx(13.9, abs=0.05)
    # A hyperprior codec's g_s of 128 channels, at 768x512: three maps of (128, 256, 384), and
    # the two parameters of a normalisation, made anew.
    with without_weights():
        decoder = network_class("bmshj2018-hyperprior")(128, 192).g_s
    found = activations(decoder.to("meta"), [(1, 192, 32, 48)])
    assert found.peak_bytes == 4 * (3 * 128 * 256 * 384 + 128 * 128 + 128)
    assert found.peak_bytes / MIB == pytest.approx(144.1, abs=0.05)
    assert found.peak_module == "5"
    assert found.signature == "peak_activations|live-storages|eager|fused-attention|eval|v1"


class Code(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def peak(function: Callable[..., Any], *shapes: tuple[int, ...]) -> int:
    return activations(Code(function), shapes).peak_bytes


def test_by_hand() -> None:
    n, size = 1000, 4000
    assert peak(lambda x: x.view(10, 100).T[1:], (n,)) == 0  # views of the input
    assert peak(lambda x: x.add_(1).mul_(2), (n,)) == 0  # in place
    assert peak(lambda x: x + 1, (n,)) == size
    assert peak(lambda x: (x + 1).view(-1).relu_(), (n,)) == size
    assert peak(lambda x: ((x + 1) * 2) + 3, (n,)) == 2 * size  # one dies as the next is made
    assert peak(lambda x: torch.cat([x + 1, x + 2]), (n,)) == 4 * size
    assert peak(lambda x: [x + i for i in range(5)], (n,)) == 5 * size
    assert peak(lambda x: x.half() + 1, (n,)) == size  # two of half the size
    assert peak(lambda x: x.expand(50, n).sum(0), (n,)) == size


def test_attention_does_not_store_its_scores() -> None:
    attend = nn.functional.scaled_dot_product_attention
    shape = (1, 4, 256, 16)
    assert peak(attend, shape, shape, shape) == 4 * 256 * 16 * 4
    scores = peak(lambda q, k, v: (q @ k.mT).softmax(-1) @ v, shape, shape, shape)
    assert scores >= 2 * 4 * 256 * 256 * 4


@given(st.integers(1, 6), st.integers(1, 5), st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_linear_layers_hold_two_neighbours(batch: int, width: int, widths: list[int]) -> None:
    sizes = [width, *widths]
    layers = [nn.Linear(a, b) for a, b in zip(sizes, widths, strict=False)]
    found = activations(nn.Sequential(*layers), [(batch, width)])
    held = [a + b for a, b in pairwise(widths)]
    assert found.peak_bytes == 4 * batch * max([widths[0], *held])


def test_bad_input_is_one_line() -> None:
    for function, shape in ((lambda x: x[x > 0], (4,)), (lambda x: x @ x, (2, 3))):
        with pytest.raises(ValueError, match=r"^Code ") as caught:
            peak(function, shape)
        assert "\n" not in str(caught.value)


# --- weights ------------------------------------------------------------------------------


def test_weights_by_type_and_shared_ones_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(10, 4)
            self.head = nn.Linear(4, 10, bias=False)
            self.head.weight = self.embed.weight
            self.half = nn.Linear(4, 3, bias=False).half()
            self.norm = nn.BatchNorm1d(3)
            self.again = self.norm

    found = weights(Tied())
    assert found.parameters == 40 + 12 + 6
    assert found.parameter_bytes == {"float16": 24, "float32": 4 * 46}
    assert found.buffer_bytes == {"float32": 24, "int64": 8}
    with torch.device("meta"):
        assert weights(Tied()) == found
    assert weights(nn.ReLU()).parameters == 0
    with pytest.raises(ValueError, match=r"^LazyLinear: lazy layers have no shape yet$"):
        weights(nn.LazyLinear(4))


# --- the process --------------------------------------------------------------------------


def test_the_peak_of_a_process() -> None:
    code = """
import sys
from harness.cost import process_peak_resident_bytes as peak
before = peak()
block = bytearray(int(sys.argv[1]))
for at in range(0, len(block), 4096):
    block[at] = 1
del block
print(before, peak(), "torch" in sys.modules)
"""
    size = 200_000_000
    # A parent that holds much: a child must not begin with its parent's peak.
    mine = bytearray(os.urandom(1)) * (process_peak_resident_bytes() // 4)
    said = subprocess.run(
        [sys.executable, "-c", code, str(size)], capture_output=True, text=True, check=True
    )
    before, after, _ = said.stdout.split()
    assert int(after) - int(before) == pytest.approx(size, rel=0.05)
    assert process_peak_resident_bytes() >= len(mine)


# --- digests ------------------------------------------------------------------------------


class Scaled(nn.Module):
    """A module whose settings its ``repr`` does not show."""

    def __init__(self, factor: float = 1.0, *, inverse: bool = False, **more: Any) -> None:
        super().__init__()
        self.factor, self.inverse = factor, inverse
        self._hidden = more.pop("hidden", 3)
        self.more = more
        self.layer = nn.Linear(3, 3)
        self.register_buffer("table", torch.arange(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) * self.factor


def seeded(**settings: Any) -> nn.Module:
    torch.manual_seed(0)
    return Scaled(**settings)


def test_equal_modules_have_one_digest() -> None:
    first = seeded(names={"a": (1, None), "b": {2.5, "x"}})
    assert digest(first) == digest(seeded(names={"b": {"x", 2.5}, "a": (1, None)}))
    assert digest(first) == digest(first.train()) == digest(first.eval())
    before = digest(first)
    first(torch.rand(2, 3)).sum().backward()
    assert digest(first.requires_grad_(False)) == before
    first.register_forward_hook(lambda *_: None)
    assert digest(first) == before
    assert len(before) == 64


def changed(change: Callable[[Any], Any]) -> nn.Module:
    module = seeded()
    with torch.no_grad():
        change(module)
    return module


@pytest.mark.parametrize(
    "other",
    [
        lambda: seeded(factor=2.0),
        lambda: seeded(inverse=True),
        lambda: seeded(hidden=4),
        lambda: seeded(names=["a"]),
        lambda: changed(lambda m: m.layer.weight[1, 2].add_(1e-7)),
        lambda: changed(lambda m: m.table[0].add_(1)),
        lambda: changed(lambda m: m.half()),
        lambda: changed(lambda m: m.add_module("act", nn.ReLU())),
        lambda: seeded().to("meta"),
    ],
)
def test_any_change_changes_the_digest(other: Callable[[], nn.Module]) -> None:
    assert digest(other()) != digest(seeded())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3, stride=2)),
        (nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3, padding=1)),
        (nn.LayerNorm(4), nn.LayerNorm(4, eps=1e-6)),
        (nn.GELU(), nn.GELU(approximate="tanh")),
        (nn.ReLU(), nn.SiLU()),
        (nn.Sequential(nn.ReLU(), nn.SiLU()), nn.Sequential(nn.SiLU(), nn.ReLU())),
        (Code(torch.relu), Code(torch.sigmoid)),
    ],
)
def test_structure_alone_tells_modules_on_meta_apart(one: nn.Module, other: nn.Module) -> None:
    assert digest(one.to("meta")) != digest(other.to("meta"))
    assert digest(one.to("meta")) == digest(one.to("meta"))


@dataclass
class Config:
    width: int
    names: tuple[str, ...] = ()


class Mode(Enum):
    same = 1
    valid = 2


SETTINGS = [
    partial(torch.add, alpha=2),
    partial(torch.add, alpha=3),
    partial(torch.sub, alpha=3),
    torch.relu,
    np.arange(4),
    np.arange(4.0),
    Config(3),
    Config(4),
    Config(3, ("a",)),
    Mode.same,
    Mode.valid,
    torch.float16,
    torch.zeros(3),
    torch.zeros(1, 3),
    torch.empty(3, device="meta"),
    [1, 2],
    [[1], 2],
    {1, 2},
    {1: 2},
    None,
    True,
    "1",
    1,
    object(),
]


def test_settings_of_any_kind_count() -> None:
    found = [digest(seeded(setting=setting)) for setting in SETTINGS]
    assert found == [digest(seeded(setting=copy.deepcopy(setting))) for setting in SETTINGS]
    assert len(set(found)) == len(SETTINGS)


def test_where_the_kernel_tells_no_peak_it_is_asked_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = process_peak_resident_bytes()
    monkeypatch.setattr(Path, "exists", lambda _: False)
    # a child's ru_maxrss begins with its parent's peak, so it is no less
    assert process_peak_resident_bytes() >= 0.9 * told


def test_the_digest_is_the_same_in_every_process() -> None:
    code = """
import torch
from harness.cost import digest
torch.manual_seed(0)
print(digest(torch.nn.TransformerEncoderLayer(8, 2, 16, activation=torch.relu)))
"""
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    torch.manual_seed(0)
    here = nn.TransformerEncoderLayer(8, 2, 16, activation=torch.relu)
    assert said == {digest(here) + "\n"}
