from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.quantization.formats import FORMATS, Affine, Scaled, pack, sqnr_db, unpack

_N = 1_000_000


def _scaled(x, name):
    return Scaled.of(x.abs().max(), FORMATS[name])(x)


def _outliers():
    x = torch.randn(_N)
    x[: _N // 1000] *= 100.0
    return x


_DRAWS = {
    "uniform": lambda: torch.rand(_N) * 2.0 - 1.0,
    "gauss": lambda: torch.randn(_N),
    "laplace": lambda: torch.distributions.Laplace(0.0, 1.0).sample((_N,)),
    "student-t4": lambda: torch.distributions.StudentT(4.0).sample((_N,)),
    "outliers": _outliers,
}


@pytest.mark.parametrize(
    ("law", "int8", "e4m3", "tolerance"),
    [
        # Measured apart from this code, with scales of the absolute maximum. That maximum is what
        # decides for INT8; of heavy tails it is a matter of luck, hence the wide tolerance.
        ("uniform", 48.1, 31.9, 0.2),
        ("gauss", 38.8, 31.6, 1.0),
        ("laplace", 33.5, 31.5, 2.0),
        ("student-t4", 20.2, 31.5, 8.0),
        ("outliers", 13.9, 31.6, 2.0),
    ],
)
def test_integers_win_with_light_tails_and_floats_with_heavy_ones(law, int8, e4m3, tolerance):
    torch.manual_seed(0)
    x = _DRAWS[law]()
    found = {name: sqnr_db(x, _scaled(x, name)) for name in ("int8", "fp8-e4m3")}
    assert found["int8"] == pytest.approx(int8, abs=tolerance)
    assert found["fp8-e4m3"] == pytest.approx(e4m3, abs=0.6)  # 1,000 outliers hold the power
    assert (found["int8"] > found["fp8-e4m3"]) == (int8 > e4m3)


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_uniform_noise_is_that_of_the_step(bits):
    torch.manual_seed(0)
    x = _DRAWS["uniform"]()
    largest = FORMATS[f"int{bits}"].largest
    # power 1/3, error step²/12 with step 1/largest: exact for many levels, near it for 15
    assert sqnr_db(x, _scaled(x, f"int{bits}")) == pytest.approx(
        20.0 * math.log10(2.0 * largest), abs=0.3 if bits == 4 else 0.02
    )


def _numbers(exponent_bits, mantissa_bits, largest):
    """Return all numbers of a small float format that are not negative, from its definition."""
    bias = 2 ** (exponent_bits - 1) - 1
    found = []
    for exponent in range(2**exponent_bits):
        for mantissa in range(2**mantissa_bits):
            fraction = mantissa / 2**mantissa_bits
            if exponent == 0:
                found.append(fraction * 2.0 ** (1 - bias))
            else:
                found.append((1.0 + fraction) * 2.0 ** (exponent - bias))
    return sorted(x for x in found if x <= largest)


_TABLES = {"fp8-e4m3": _numbers(4, 3, 448.0), "fp8-e5m2": _numbers(5, 2, 57344.0)}


def _nearest_even(x, table):
    """Return the nearest number of the table; of two, that with the even last bit."""
    magnitude = min(abs(x), table[-1])
    place = min(range(len(table)), key=lambda k: (abs(table[k] - magnitude), k % 2))
    return math.copysign(table[place], x)


def test_the_tables_are_those_of_the_paper():
    # Table 1 of Micikevicius et al., 2022: largest, smallest normal, smallest subnormal numbers
    assert _TABLES["fp8-e4m3"][-1] == 448.0
    assert _TABLES["fp8-e4m3"][1] == 2.0**-9
    assert 2.0**-6 in _TABLES["fp8-e4m3"]
    assert _TABLES["fp8-e5m2"][-1] == 57344.0
    assert _TABLES["fp8-e5m2"][1] == 2.0**-16


@pytest.mark.parametrize("name", _TABLES)
@given(x=st.floats(-500.0, 500.0, width=32))
def test_floats_round_as_a_table_of_all_numbers_says(name, x):
    unit = Scaled(FORMATS[name], torch.tensor(1.0))
    assert float(unit(torch.tensor(x))) == _nearest_even(x, _TABLES[name])


@pytest.mark.parametrize("name", _TABLES)
def test_floats_half_way_go_to_the_even_one(name):
    unit = Scaled(FORMATS[name], torch.tensor(1.0))
    table = _TABLES[name]
    middles = torch.tensor([(a + b) / 2.0 for a, b in pairwise(table)])
    even = torch.tensor([table[k + k % 2] for k in range(len(table) - 1)])
    assert torch.equal(unit(middles), even)


@pytest.mark.parametrize("name", FORMATS)
@given(
    x=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30),
    scale=st.floats(2**-10, 2**10, width=32),
)
def test_numbers_of_a_format_stay_themselves(name, x, scale):
    grid = Scaled(FORMATS[name], torch.tensor(scale))
    once = grid(torch.tensor(x))
    assert torch.equal(grid(once), once)
    assert once.abs().max() <= scale * FORMATS[name].largest


@given(
    x=st.lists(st.floats(-100.0, 100.0, width=32), min_size=1, max_size=30),
    bits=st.sampled_from([4, 8, 16]),
)
def test_a_range_is_kept_to_half_a_step_and_zero_exactly(x, bits):
    tensor = torch.tensor(x)
    grid = Affine.of(tensor.min(), tensor.max(), bits)
    # the zero point is a whole number, which moves an end by up to half a step
    half = float(grid.scale) / 2.0
    assert (grid(tensor) - tensor).abs().max() <= 2.0 * half * 1.001 + 1e-4
    assert float(grid(torch.tensor(0.0))) == 0.0
    assert len(grid(torch.linspace(-200, 200, 5001)).unique()) <= 2**bits


def test_values_beyond_a_range_are_its_ends():
    grid = Affine.of(torch.tensor(-1.0), torch.tensor(3.0), 8)
    ends = grid(torch.tensor([-100.0, 100.0]))
    assert ends.tolist() == pytest.approx([-1.0, 3.0], abs=float(grid.scale))


def test_what_is_all_zero_stays_so():
    zeros = torch.zeros(4)
    for name in FORMATS:
        assert torch.equal(_scaled(zeros, name), zeros)
    assert torch.equal(Affine.of(zeros.min(), zeros.max(), 8)(zeros), zeros)


def test_equal_tensors_have_no_noise():
    assert sqnr_db(torch.ones(3), torch.ones(3)) == math.inf


@given(numbers=st.lists(st.integers(-8, 7), max_size=33))
def test_two_numbers_of_four_bits_stand_in_a_byte(numbers):
    stored = torch.tensor(numbers, dtype=torch.int8)
    packed = pack(stored)
    assert packed.dtype == torch.uint8
    assert packed.numel() == -(-len(numbers) // 2)
    assert torch.equal(unpack(packed, stored.shape), stored)
