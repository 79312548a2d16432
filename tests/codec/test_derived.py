from __future__ import annotations

import csv
import dataclasses
import json
import subprocess
import sys
import time
from collections import defaultdict

import numpy as np
import pytest

from harness import spec, stats
from harness_plugins.codec.derived import DERIVED, compute

BD = {d.name: d for d in DERIVED}


def _mean(values):
    return values.mean(axis=-1)


def _curve(entry, rate, psnr, *, resamples=None, items=None, psnr_aggregate=_mean, **more):
    """A board entry from (P, N) arrays."""
    rate, psnr = np.asarray(rate, float), np.asarray(psnr, float)
    points, count = rate.shape
    scores = {"bpp": rate, "psnr_rgb": psnr, **more}
    return spec.Curve(
        entry=entry,
        points=tuple({"quality": p} for p in range(points)),
        items=tuple(items or (f"img{i}" for i in range(count))),
        scores=scores,
        aggregate=dict.fromkeys(scores, _mean) | {"psnr_rgb": psnr_aggregate},
        resamples=stats.resample_indices(count, 2000) if resamples is None else resamples,
    )


def _photos(entry, gain=1.0, noise=0.02, seed=1, images=24, points=5, world=0):
    """Images that differ a lot in how many bits they take, codecs that differ by ``gain``."""
    hard = np.random.default_rng(world).normal(size=images)
    rng = np.random.default_rng(seed)
    p = np.arange(points)[:, None]
    rate = 0.1 * 2.0**p * np.exp(0.6 * hard)
    psnr = 28 + 3 * p - 2 * hard + 0 * rate
    return _curve(entry, gain * rate * np.exp(rng.normal(scale=noise, size=images)), psnr)


def _score(curves, anchor="anchor", name="bd_rate_psnr_rgb", entry=None):
    scores = {s.entry: s for s in compute(curves, anchor, **BD[name].params)}
    assert list(scores) == [c.entry for c in curves]
    return scores[entry or curves[-1].entry]


# --- declarations ----------------------------------------------------------------------


def test_the_declarations_import_nothing_heavy():
    code = (
        "import sys, harness_plugins.codec.derived as d; "
        "print([m for m in ('numpy', 'scipy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_declarations_say_unit_and_direction():
    assert {(d.name, d.unit, d.better) for d in DERIVED} == {
        ("bd_rate_psnr_rgb", "%", "lower"),
        ("bd_rate_ms_ssim", "%", "lower"),
        ("bd_psnr_rgb", "dB", "higher"),
    }
    for derived in DERIVED:
        assert derived.params["name"] == derived.name
        assert derived.inputs == (derived.params["rate"], derived.params["quality"])
        module, attribute = derived.compute.split(":")
        assert getattr(sys.modules[module], attribute) is compute


def test_signatures_pin_how_the_number_is_made():
    one = [_photos("anchor")]
    got = {name: _score(one, name=name).signature for name in BD}
    assert got["bd_rate_psnr_rgb"] == "bd_rate|psnr_rgb|bpp|akima|log10|min_overlap:0.75|v1"
    assert len(set(got.values())) == 3


# --- value, interval, replicates -------------------------------------------------------


def test_the_value_is_the_delta_of_the_aggregated_curves():
    anchor, test = _photos("anchor"), _photos("test", gain=0.8, seed=2)
    got = _score([anchor, test])
    want = stats.bd_rate(
        rate_anchor=anchor.scores["bpp"].mean(1),
        quality_anchor=anchor.scores["psnr_rgb"].mean(1),
        rate_test=test.scores["bpp"].mean(1),
        quality_test=test.scores["psnr_rgb"].mean(1),
    )
    assert got.value == pytest.approx(want.akima, abs=1e-9)
    assert got.refusal == ""
    assert got.details["pchip"] == pytest.approx(want.pchip, abs=1e-9)
    assert got.details["cubic"] == pytest.approx(want.cubic, abs=1e-9)
    assert got.details["window"] == pytest.approx(want.window)
    assert got.details["overlap"] == pytest.approx(want.overlap)
    assert json.loads(json.dumps(got.details)) == got.details


def test_replicates_are_deltas_of_the_shared_resamples():
    anchor, test = _photos("anchor"), _photos("test", gain=0.8, seed=2)
    got = _score([anchor, test])
    assert got.replicates.shape == (2000,)
    drawn = anchor.resamples[17]
    want = stats.bd_rate(
        rate_anchor=anchor.scores["bpp"][:, drawn].mean(1),
        quality_anchor=anchor.scores["psnr_rgb"][:, drawn].mean(1),
        rate_test=test.scores["bpp"][:, drawn].mean(1),
        quality_test=test.scores["psnr_rgb"][:, drawn].mean(1),
    )
    assert got.replicates[17] == pytest.approx(want.akima, abs=1e-9)


def test_pairing_makes_the_interval_narrow():
    got = _score([_photos("anchor"), _photos("test", gain=0.8, seed=2)])
    assert got.low < got.value < got.high
    # The images' rates vary by a factor of ten; codec noise is 2 %.
    assert got.high - got.low < 3
    assert got.low < -20 < got.high


@pytest.mark.slow
def test_the_interval_covers_the_gain_it_was_made_with():
    trials, held = 400, 0
    for world in range(trials):
        # Both codecs' noise has the same mean, so the ratio of expected rates is the gain.
        pair = [
            _photos("anchor", noise=0.1, seed=2 * world, world=10**6 + world),
            _photos("test", gain=0.8, noise=0.1, seed=2 * world + 1, world=10**6 + world),
        ]
        got = _score(pair)
        held += got.low <= -20 <= got.high
    # 93.8 % of 600 trials: rates on 24 images are skewed. Three standard errors are allowed.
    assert 0.9 <= held / trials <= 0.985


def test_a_constant_gain_is_certain():
    anchor = _photos("anchor")
    test = _curve("test", 0.9 * anchor.scores["bpp"], anchor.scores["psnr_rgb"])
    got = _score([anchor, test])
    assert (got.value, got.low, got.high) == pytest.approx((-10, -10, -10), abs=1e-9)
    assert list(got.per_item.values()) == pytest.approx([-10] * 24, abs=1e-9)


def test_the_anchor_is_zero_without_doubt():
    curves = [_photos("other", seed=3), _photos("anchor")]
    got = _score(curves)
    assert (got.value, got.low, got.high, got.refusal) == (0, 0, 0, "")
    assert not got.replicates.any()
    assert set(got.per_item.values()) == {0.0}


def test_bd_quality_is_in_decibels():
    anchor = _photos("anchor")
    test = _curve("test", anchor.scores["bpp"], anchor.scores["psnr_rgb"] + 0.5)
    got = _score([anchor, test], name="bd_psnr_rgb")
    assert (got.value, got.low, got.high) == pytest.approx((0.5, 0.5, 0.5), abs=1e-9)


def test_ms_ssim_is_compared_in_decibels_of_the_mean():
    anchor = _photos("anchor")
    fine = 1 - 0.1 * 2.0 ** -np.arange(5)[:, None] * np.exp(np.linspace(-0.2, 0.2, 24))
    fine[4] = 1.0  # lossless: infinite in decibels
    curves = [
        _curve(e, g * anchor.scores["bpp"], anchor.scores["psnr_rgb"], ms_ssim=fine)
        for e, g in (("anchor", 1.0), ("test", 1.2))
    ]
    got = _score(curves, name="bd_rate_ms_ssim")
    assert got.value == pytest.approx(20)
    db = -10 * np.log10(1 - fine[:4].mean(axis=1))
    assert got.details["window"] == pytest.approx([db[0], db[-1]])
    assert len(got.details["left_out"]) == 2
    assert len(got.per_item) == 24


# --- images and points that are missing ------------------------------------------------


def test_images_missing_on_one_side_are_dropped_for_that_pair_only():
    anchor, test = _photos("anchor"), _photos("test", gain=0.8, seed=2)
    test.scores["psnr_rgb"][2, [3, 7]] = np.nan
    anchor.scores["bpp"][0, 5] = np.nan
    third = _photos("third", gain=0.8, seed=2)
    got = {
        s.entry: s
        for s in compute([anchor, test, third], "anchor", **BD["bd_rate_psnr_rgb"].params)
    }
    assert got["test"].details["items_dropped"] == 3
    assert got["third"].details["items_dropped"] == 1
    assert "img7" not in got["test"].per_item
    keep = np.setdiff1d(np.arange(24), [3, 5, 7])
    want = stats.bd_rate(
        rate_anchor=anchor.scores["bpp"][:, keep].mean(1),
        quality_anchor=anchor.scores["psnr_rgb"][:, keep].mean(1),
        rate_test=test.scores["bpp"][:, keep].mean(1),
        quality_test=test.scores["psnr_rgb"][:, keep].mean(1),
    )
    assert got["test"].value == pytest.approx(want.akima, abs=1e-9)
    assert got["test"].low < want.akima < got["test"].high
    # Most draws stay shared: the two sets of replicates go together.
    both = np.corrcoef(got["test"].replicates, got["third"].replicates)
    assert both[0, 1] > 0.5


def test_a_point_without_any_score_is_left_out_and_said():
    anchor, test = _photos("anchor"), _photos("test", gain=0.8, seed=2)
    test.scores["bpp"][0] = np.nan
    got = _score([anchor, test])
    assert got.refusal == ""
    assert got.details["items_dropped"] == 0
    assert got.details["left_out"] == [
        "the tested curve's point {'quality': 0} without any score is left out"
    ]


def test_a_lossless_point_is_left_out_of_curve_and_replicates():
    anchor, test = _photos("anchor"), _photos("test", gain=0.8, seed=2)
    want = _score([anchor, test])
    lossless = _curve(
        "test",
        np.vstack([test.scores["bpp"], np.full(24, 9.0)]),
        np.vstack([test.scores["psnr_rgb"], np.full(24, np.inf)]),
    )
    got = _score([anchor, lossless])
    assert got.value == want.value
    assert np.array_equal(got.replicates, want.replicates)
    assert got.per_item == pytest.approx(want.per_item)
    assert "lossless point" in got.details["left_out"][0]


def test_one_image_has_a_value_and_no_interval():
    anchor, test = _photos("anchor", images=1), _photos("test", gain=0.8, images=1)
    got = _score([anchor, test])
    assert np.isfinite(got.value)
    assert np.isnan([got.low, got.high]).all()


def test_images_whose_own_curve_is_refused_are_counted():
    anchor, test = _photos("anchor"), _photos("test", gain=0.8, seed=2)
    test.scores["psnr_rgb"][1, 4] = 20.0  # falls, on this image alone
    got = _score([anchor, test])
    assert got.details["item_refusals"] == 1
    assert len(got.per_item) == 23
    values = np.array(list(got.per_item.values()))
    assert got.details["item_median"] == pytest.approx(np.median(values))
    assert got.details["item_q1"] < got.details["item_median"] < got.details["item_q3"]


def test_every_image_may_be_refused_where_the_mean_is_not():
    anchor, test = _photos("anchor", images=2), _photos("test", gain=0.8, images=2)
    test.scores["psnr_rgb"][2] += [9.0, -9.0]
    got = _score([anchor, test])
    assert np.isfinite(got.value)
    assert got.per_item == {}
    assert got.details["item_refusals"] == 2
    assert "item_median" not in got.details
    assert got.details["replicates_refused"] > 100
    assert np.isnan([got.low, got.high]).all()


# --- refusals --------------------------------------------------------------------------


def _short(entry):
    one = _photos(entry)
    return _curve(entry, one.scores["bpp"][:3], one.scores["psnr_rgb"][:3])


REFUSALS = {
    "no anchor": ([_photos("a")], None, "names no anchor"),
    "anchor elsewhere": ([_photos("a")], "anchor", "'anchor' has no scores on this dataset"),
    "short curve": ([_photos("anchor"), _short("a")], "anchor", "the tested curve has 3 usable"),
    "short anchor": ([_short("anchor"), _photos("a")], "anchor", "the anchor has 3 usable"),
    "no common image": (
        [_photos("anchor"), _curve("a", np.full((5, 24), np.nan), np.full((5, 24), np.nan))],
        "anchor",
        "the tested curve has 0 usable points",
    ),
    "no metric": (
        [
            _photos("anchor"),
            dataclasses.replace(_photos("a"), scores={"bpp": np.ones((5, 24))}),
        ],
        "anchor",
        "this entry has no scores of psnr_rgb",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_say_why(case):
    curves, anchor, reason = REFUSALS[case]
    got = _score(curves, anchor)
    assert reason in got.refusal
    assert np.isnan([got.value, got.low, got.high]).all()
    assert got.replicates is None
    json.dumps(dict(got.details), allow_nan=False)


def test_no_image_in_common_is_refused():
    anchor, test = _photos("anchor", images=2), _photos("test", images=2)
    anchor.scores["bpp"][0, 0] = test.scores["bpp"][0, 1] = np.nan
    assert _score([anchor, test]).refusal == "no image has all scores of both codecs"


# --- the whole way to ranks ------------------------------------------------------------


def test_replicates_rank_codecs_with_ties():
    curves = [
        _photos("anchor", seed=1),
        _photos("twin", seed=2),
        _photos("better", gain=0.8, seed=3),
        _photos("worse", gain=1.3, seed=4),
    ]
    scores = list(compute(curves, "anchor", **BD["bd_rate_psnr_rgb"].params))
    ranks = stats.rank_sets(
        [s.value for s in scores],
        np.stack([s.replicates for s in scores]),
        items=24,
        better="lower",
    )
    assert ranks.low.tolist() == [2, 2, 1, 4]
    assert ranks.high.tolist() == [3, 3, 1, 4]


def test_a_pair_of_24_images_and_8_points_takes_a_few_milliseconds():
    curves = [_photos("anchor", points=8), _photos("test", seed=2, points=8)]
    _score(curves)
    start = time.process_time()
    _score(curves)
    assert time.process_time() - start <= 0.15  # 0.02 s on a free core


# --- real codecs -----------------------------------------------------------------------


@pytest.fixture
def coolchic(harness_data):
    def read(version, aggregate=_mean):
        path = harness_data / "published" / "coolchic" / f"{version}-image-kodak.tsv"
        table = defaultdict(dict)
        with path.open() as rows:
            for row in csv.DictReader(rows, delimiter="\t"):
                cell = (float(row["rate_bpp"]), float(row["psnr_db"]))
                table[float(row["lmbda"])][row["seq_name"]] = cell
        images = sorted(next(iter(table.values())))
        both = np.array([[table[p][i] for i in images] for p in sorted(table)])
        return _curve(version, both[..., 0], both[..., 1], items=images, psnr_aggregate=aggregate)

    return read


def _of_mean_mse(psnr):
    return -10 * np.log10((10 ** (-psnr / 10)).mean(axis=-1))


@pytest.mark.parametrize(("aggregate", "want"), [(_mean, -6.95), (_of_mean_mse, -6.46)])
def test_cool_chic_5_against_4_per_image_results(coolchic, aggregate, want):
    got = _score([coolchic("v4.2", aggregate), coolchic("v5.0", aggregate)], anchor="v4.2")
    assert got.value == pytest.approx(want, abs=0.006)
    values = np.array(list(got.per_item.values()))
    assert got.details["item_refusals"] == 0
    assert values.mean() == pytest.approx(-7.04, abs=0.006)
    assert values.std(ddof=1) == pytest.approx(2.08, abs=0.06)
    assert (values.min(), values.max()) == pytest.approx((-10.2, -2.7), abs=0.06)
    assert got.low < got.value < got.high < 0
    assert 0.5 < got.high - got.low < 3
