from __future__ import annotations

import inspect
import warnings

import bjontegaard
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.interpolate import Akima1DInterpolator

from harness import stats


def _bd(anchor, test, **options):
    (ra, qa), (rt, qt) = anchor, test
    return stats.bd_rate(
        rate_anchor=ra, quality_anchor=qa, rate_test=rt, quality_test=qt, **options
    )


def _bdq(anchor, test, **options):
    (ra, qa), (rt, qt) = anchor, test
    return stats.bd_quality(
        rate_anchor=ra, quality_anchor=qa, rate_test=rt, quality_test=qt, **options
    )


@st.composite
def curves(draw, low=4, high=10):
    """Rates that grow 1.2 to 3 times a point, qualities by 0.5 to 4 dB."""
    n = draw(st.integers(low, high))
    growth = draw(st.lists(st.floats(0.08, 0.5), min_size=n, max_size=n))
    steps = draw(st.lists(st.floats(0.5, 4), min_size=n, max_size=n))
    start = draw(st.floats(26, 30))
    return 0.1 * 10 ** np.cumsum(growth), start + np.cumsum(steps)


KODAK_LIKE = (
    np.array([0.05, 0.11, 0.25, 0.49, 0.88]),
    np.array([26.1, 28.5, 31.2, 34.3, 37.4]),
)
BETTER = (
    np.array([0.04, 0.10, 0.21, 0.43, 0.80]),
    np.array([26.0, 28.6, 31.1, 34.4, 37.9]),
)


# --- against other implementations -----------------------------------------------------


def _theirs(function, anchor, test, method):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = function(*anchor, *test, method=method, require_matching_points=False)
    return float(value)


@settings(max_examples=150, deadline=None)
@given(curves(), curves())
def test_all_interpolations_equal_the_bjontegaard_package(anchor, test):
    ours = _bd(anchor, test, min_overlap=0)
    assume(not ours.refusal)
    assume(ours.overlap > 1e-3)  # the mean over next to nothing is rounding noise
    for method in ("akima", "pchip", "cubic"):
        want = _theirs(bjontegaard.bd_rate, anchor, test, method)
        assert getattr(ours, method) == pytest.approx(want, abs=1e-6, rel=1e-8), method
    vertical = _bdq(anchor, test, min_overlap=0)
    assume(not vertical.refusal)
    assume(vertical.overlap > 1e-3)
    for method in ("akima", "pchip", "cubic"):
        want = _theirs(bjontegaard.bd_psnr, anchor, test, method)
        assert getattr(vertical, method) == pytest.approx(want, abs=1e-6), method


@settings(max_examples=100, deadline=None)
@given(curves(), curves())
def test_overlap_and_window_are_those_of_the_bjontegaard_package(anchor, test):
    ours = _bd(anchor, test)
    (_, qa), (_, qt) = anchor, test
    shared = min(qa.max(), qt.max()) - max(qa.min(), qt.min())
    whole = max(qa.max(), qt.max()) - min(qa.min(), qt.min())
    assume("swapped" not in ours.refusal)
    assert ours.overlap == pytest.approx(max(shared, 0) / whole)
    assert bool(ours.refusal) == (ours.overlap < 0.75)
    if shared > 0:
        assert ours.window == (max(qa.min(), qt.min()), min(qa.max(), qt.max()))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(curves(6, 6), curves(8, 8)), min_size=1, max_size=5))
def test_many_curves_at_once_equal_scipy_one_by_one(pairs):
    anchors, tests = zip(*pairs, strict=True)
    stacked = {
        "rate_anchor": np.stack([a[0] for a in anchors]),
        "quality_anchor": np.stack([a[1] for a in anchors]),
        "rate_test": np.stack([t[0] for t in tests]),
        "quality_test": np.stack([t[1] for t in tests]),
    }
    got = stats.bd_rate_replicates(**stacked)
    got_quality = stats.bd_quality_replicates(**stacked)
    for i, (anchor, test) in enumerate(pairs):
        one, vertical = _bd(anchor, test, min_overlap=0), _bdq(anchor, test, min_overlap=0)
        assume(not 0 < min(one.overlap, vertical.overlap) < 1e-3)
        assert got[i] == pytest.approx(
            _scipy_bd_rate(anchor, test), rel=1e-9, abs=1e-9, nan_ok=True
        )
        assume("swapped" not in one.refusal)
        assert got[i] == pytest.approx(one.akima, abs=1e-9, nan_ok=True)
        assert got_quality[i] == pytest.approx(vertical.akima, abs=1e-9, nan_ok=True)


def _scipy_bd_rate(anchor, test):
    (_, qa), (_, qt) = anchor, test
    low, high = max(qa[0], qt[0]), min(qa[-1], qt[-1])
    if low >= high:
        return np.nan
    area = [Akima1DInterpolator(q, np.log10(r)).integrate(low, high) for r, q in (anchor, test)]
    return 100 * (10 ** float((area[1] - area[0]) / (high - low)) - 1)


@pytest.mark.parametrize("quality", [[1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 5.0, 7.0]])
def test_straight_pieces_where_akimas_slope_is_undefined(quality):
    x = np.array(quality)
    y = np.interp(x, [1, 3, 7], [-1.0, -0.2, 0.1])
    curve, other = (10**y, x), (10 ** (y * 0.9 + 0.02), x + 0.25)
    want = _scipy_bd_rate(curve, other)
    assert _bd(curve, other).akima == pytest.approx(want, rel=1e-9)


# --- laws ------------------------------------------------------------------------------


@settings(deadline=None)
@given(curves(), st.floats(0.05, 20))
def test_scaling_all_rates_by_c_is_exactly_100_times_c_less_1(curve, c):
    rate, quality = curve
    got = _bd(curve, (c * rate, quality))
    assume(not got.refusal)
    for value in (got.akima, got.pchip, got.cubic):
        assert value == pytest.approx(100 * (c - 1), abs=1e-7)
    assert got.overlap == 1


@settings(deadline=None)
@given(curves(), st.floats(-0.3, 0.3))
def test_shifting_all_qualities_is_exactly_the_bd_quality(curve, shift):
    rate, quality = curve
    got = _bdq(curve, (rate, quality + shift))
    assume(not got.refusal)
    for value in (got.akima, got.pchip, got.cubic):
        assert value == pytest.approx(shift, abs=1e-9)
    assert got.window == pytest.approx((rate[0], rate[-1]))


@settings(deadline=None)
@given(curves(), curves())
def test_swapping_anchor_and_test_inverts_the_ratio(one, two):
    there, back = _bd(one, two, min_overlap=0), _bd(two, one, min_overlap=0)
    assume(not there.refusal)
    assume(there.overlap > 1e-3)
    for method in ("akima", "pchip", "cubic"):
        ratio = (1 + getattr(there, method) / 100) * (1 + getattr(back, method) / 100)
        assert ratio == pytest.approx(1, abs=1e-9)
    assert (there.window, there.overlap) == (back.window, back.overlap)


@settings(deadline=None)
@given(curves(5, 5), curves(5, 5), st.permutations(range(5)))
def test_the_order_of_points_does_not_matter(one, two, order):
    mixed = tuple(column[list(order)] for column in one)
    # By repr, because a refusal's NaN equals itself only there.
    assert repr(_bd(mixed, two, min_overlap=0)) == repr(_bd(one, two, min_overlap=0))
    assert repr(_bdq(two, mixed, min_overlap=0)) == repr(_bdq(two, one, min_overlap=0))
    got = stats.bd_rate_replicates(
        rate_anchor=mixed[0][None],
        quality_anchor=mixed[1][None],
        rate_test=two[0][None],
        quality_test=two[1][None],
    )
    assume(not _bd(one, two, min_overlap=0).refusal)
    assert got[0] == _bd(one, two, min_overlap=0).akima


def test_a_curve_against_itself_is_zero():
    got = _bd(KODAK_LIKE, KODAK_LIKE)
    assert (got.akima, got.pchip, got.overlap, got.refusal) == (0, 0, 1, "")
    assert got.cubic == pytest.approx(0, abs=1e-9)


def test_less_rate_is_negative_and_more_quality_is_positive():
    assert -20 < _bd(KODAK_LIKE, BETTER).akima < 0
    assert 0 < _bdq(KODAK_LIKE, BETTER).akima < 1.5


# --- traps -----------------------------------------------------------------------------


def _with(curve, index, rate=None, quality=None):
    r, q = (column.copy() for column in curve)
    r[index] = r[index] if rate is None else rate
    q[index] = q[index] if quality is None else quality
    return r, q


REFUSED = {
    "three points": ([c[:3] for c in BETTER], "has 3 usable points, at least 4 are needed"),
    "one point": ([c[:1] for c in BETTER], "has 1 usable point, at least 4"),
    "no point": ([c[:0] for c in BETTER], "has 0 usable points"),
    "falling quality": (
        _with(BETTER, 3, quality=30.0),
        "is not monotone: quality falls from 31.1 to 30 while rate rises from 0.21 to 0.43",
    ),
    "equal quality": (_with(BETTER, 3, quality=31.1), "two points of the same quality 31.1"),
    "equal rate": (_with(BETTER, 3, rate=0.21), "two points of the same rate 0.21"),
    "duplicate": (_with(BETTER, 3, rate=0.21, quality=31.1), "has a duplicate point: rate 0.21"),
    "NaN quality": (_with(BETTER, 1, quality=np.nan), "not finite: (rate 0.1, quality nan)"),
    "minus inf quality": (_with(BETTER, 1, quality=-np.inf), "not finite"),
    "NaN rate": (_with(BETTER, 1, rate=np.nan), "not finite"),
    "infinite rate": (_with(BETTER, 1, rate=np.inf), "not finite"),
    "no rate": (_with(BETTER, 0, rate=0.0), "has a rate that is not positive: 0"),
    "negative rate": (_with(BETTER, 0, rate=-0.1), "has a rate that is not positive: -0.1"),
    "no overlap": ((BETTER[0], BETTER[1] + 20), "the curves share no quality"),
    "2.9 % overlap": ((BETTER[0], BETTER[1] + 10.746), "share 2.9 % of their range of quality"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("side", ["the anchor", "the tested curve"])
def test_what_cannot_be_compared_is_refused_with_the_reason(case, side):
    curve, reason = REFUSED[case]
    pair = (curve, KODAK_LIKE) if side == "the anchor" else (KODAK_LIKE, curve)
    got = _bd(*pair)
    assert reason in got.refusal
    assert np.isnan([got.akima, got.pchip, got.cubic]).all()
    if "overlap" not in case:
        assert side in got.refusal
        assert _bdq(*pair).refusal == got.refusal
    many = stats.bd_rate_replicates(
        rate_anchor=np.array(pair[0][0])[None],
        quality_anchor=np.array(pair[0][1])[None],
        rate_test=np.array(pair[1][0])[None],
        quality_test=np.array(pair[1][1])[None],
        min_overlap=0.75,
    )
    assert np.isnan(many).all()


def test_a_non_monotone_curve_is_no_gain_of_85_percent():
    # The polynomial alone takes such curves without a word.
    rate, quality = [0.1, 0.2, 0.4, 0.8], [30.0, 33.0, 36.0, 39.0]
    wild = ([0.1, 0.2, 0.4, 0.8], [30.0, 36.0, 33.0, 39.0])
    silent = _theirs(bjontegaard.bd_rate, (rate, quality), wild, "cubic")
    assert np.isfinite(silent)
    assert "not monotone" in _bd((rate, quality), wild).refusal


def test_little_overlap_keeps_its_window_and_can_be_allowed():
    shifted = (BETTER[0], BETTER[1] + 6)
    got = _bd(KODAK_LIKE, shifted)
    assert "at least 75 % is needed" in got.refusal
    assert got.window == (32.0, 37.4)
    assert got.overlap == pytest.approx(5.4 / 17.8)
    assert np.isfinite(_bd(KODAK_LIKE, shifted, min_overlap=0.3).akima)


def test_a_lossless_point_is_left_out_and_said():
    lossless = tuple(np.append(c, x) for c, x in zip(BETTER, (9.5, np.inf), strict=True))
    got, without = _bd(KODAK_LIKE, lossless), _bd(KODAK_LIKE, BETTER)
    assert got.akima == without.akima
    assert got.left_out == ("the tested curve's lossless point at rate 9.5 is left out",)
    three = tuple(column[2:] for column in lossless)
    got = _bd(KODAK_LIKE, three)
    assert "3 usable points" in got.refusal
    assert len(got.left_out) == 1


def test_unsorted_points_are_sorted():
    assert _bd(tuple(c[::-1] for c in KODAK_LIKE), BETTER) == _bd(KODAK_LIKE, BETTER)


def test_swapped_arguments_cannot_pass():
    parameters = inspect.signature(stats.bd_rate).parameters.values()
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters)
    with pytest.raises(TypeError):
        stats.bd_rate(*KODAK_LIKE, *BETTER)
    swapped = _bd(KODAK_LIKE[::-1], BETTER[::-1])
    assert swapped.refusal.endswith("rate and quality are swapped")
    assert "swapped" in _bdq(KODAK_LIKE[::-1], BETTER[::-1]).refusal
    (ra, qa), (rt, qt) = KODAK_LIKE, BETTER
    assert _bd((ra, rt), (qa, qt)).refusal


def test_columns_of_unequal_length_are_an_error():
    with pytest.raises(ValueError, match=r"the tested curve has rates of shape \(5,\)"):
        _bd(KODAK_LIKE, (BETTER[0], BETTER[1][:4]))


def test_bad_replicates_do_not_spoil_good_ones():
    good = np.stack([BETTER[1]] * 3)
    good[1, 2] = np.nan
    got = stats.bd_rate_replicates(
        rate_anchor=np.stack([KODAK_LIKE[0]] * 3),
        quality_anchor=np.stack([KODAK_LIKE[1]] * 3),
        rate_test=np.stack([BETTER[0]] * 3),
        quality_test=good,
    )
    want = _bd(KODAK_LIKE, BETTER).akima
    assert got == pytest.approx([want, np.nan, want], nan_ok=True, abs=1e-9)
