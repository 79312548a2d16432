"""Average precision: by hand, against pycocotools and a plain one, and how sure it is."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_plugins.generative.downstream.metrics import ap, ap_gain
from harness_plugins.generative.downstream.precision import (
    average_precision,
    influences,
    iou,
    matched,
)

EMPTY = {
    "place": np.zeros(0, np.int64),
    "boxes": np.zeros((0, 4), np.float32),
    "labels": np.zeros(0, np.int64),
    "scores": np.zeros(0, np.float32),
}


def by_hand():
    """Return three things in two scenes, and four detections: right, twice the same, wrong, right.

    Precision is 1, 1/2, 1/3, 2/4 at recalls 1/3, 1/3, 1/3, 2/3: so 1 at the recalls 0 … 0.33, 1/2
    at 0.34 … 0.66, and 0 above.
    """
    truth = {
        "place": np.array([0, 0, 1]),
        "boxes": np.array([[0, 0, 10, 10], [20, 20, 30, 30], [0, 0, 10, 10]]),
        "labels": np.zeros(3, int),
        "scenes": np.int64(2),
        "rare": np.int64(0),
    }
    found = {
        "place": np.array([0, 0, 1, 0]),
        "boxes": np.array(
            [[0, 0, 10, 9], [0, 0, 10, 10], [0, 0, 10, 4], [20, 20, 30, 25]], np.float32
        ),
        "labels": np.zeros(4, int),
        "scores": np.array([0.9, 0.8, 0.7, 0.6], np.float32),
    }
    return truth, found


def test_a_case_computed_by_hand():
    truth, found = by_hand()
    matches = matched(truth, found, 0)
    assert matches.hit.tolist() == [True, False, False, True]  # IoU 0.5 counts, 0.4 does not
    assert matches.there.tolist() == [2, 1]
    assert average_precision(matches) == pytest.approx((34 + 33 * 0.5) / 101)
    alone = average_precision(matches, np.array([1.0, 0.0]))  # 1, 1/2, 2/3 at 1/2, 1/2, 1
    assert alone == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_overlap_of_boxes():
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 3]])
    np.testing.assert_allclose(iou(np.array([0, 0, 10, 10]), others), [1, 1 / 3, 0, 0])


def plain(truth, found, label):
    """Average precision by loops alone, after the words of COCO's evaluation."""
    own = [
        (int(p), box.tolist())
        for p, box, one in zip(truth["place"], truth["boxes"], truth["labels"], strict=True)
        if one == label
    ]
    told = sorted(
        (-float(s), int(p), box.tolist())
        for p, box, one, s in zip(*(found[n] for n in EMPTY), strict=True)
        if one == label
    )
    taken, points, right = set(), [], 0
    for number, (_, place, box) in enumerate(told, 1):
        best, which = 0.5, None
        for k, (where, other) in enumerate(own):
            if where != place or k in taken:
                continue
            w = min(box[2], other[2]) - max(box[0], other[0])
            h = min(box[3], other[3]) - max(box[1], other[1])
            both = max(w, 0) * max(h, 0)
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
            overlap = both / (sum(areas) - both) if sum(areas) > both else 0
            if overlap >= best and not (which is not None and overlap == best):
                best, which = overlap, k
        if which is not None:
            taken.add(which)
            right += 1
        points.append((right, right / number))
    total = sum(
        max((p for r, p in points if r / len(own) >= recall), default=0.0)
        for recall in np.linspace(0, 1, 101)
    )
    return total / 101


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_is_what_plain_loops_say(detections, seed):
    truth, found = detections(seed, scenes=6, classes=2)
    for label in np.unique(truth["labels"]):
        value = average_precision(matched(truth, found, label))
        assert value == pytest.approx(plain(truth, found, label), abs=1e-9)
        assert 0 <= value <= 1


COCO = [  # by pycocotools 2.0.11, of ten seeds
    0.4563476347634764,
    0.5107895404925108,
    0.05808580858085808,
    0.5204132397366722,
    0.2779120173922154,
    0.5279985219911296,
    0.2301430143014301,
    0.39764211715289177,
    0.4678506312169679,
    0.42984683083692987,
]


@pytest.mark.parametrize(("seed", "said"), list(enumerate(COCO)))
def test_it_is_what_pycocotools_said(detections, seed, said):
    truth, found = detections(seed, scenes=12, classes=3)
    assert ap(rare=False)([truth], [found]).value / 100 == pytest.approx(said, abs=1e-9)


def test_it_is_what_pycocotools_says(detections):
    pytest.importorskip("pycocotools")
    for seed in range(10):
        truth, found = detections(seed, scenes=12, classes=3)
        ours = ap(rare=False)([truth], [found]).value / 100
        assert ours == pytest.approx(_by_coco(truth, found), abs=1e-9)


def _by_coco(truth, found):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def wide(box):
        left, top, right, bottom = map(float, box)
        return [left, top, right - left, bottom - top]

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": n} for n in range(int(truth["scenes"]))],
            "categories": [{"id": n} for n in range(3)],
            "annotations": [
                {
                    "id": n + 1,
                    "image_id": int(p),
                    "category_id": int(k),
                    "bbox": wide(b),
                    "area": wide(b)[2] * wide(b)[3],
                    "iscrowd": 0,
                }
                for n, (p, b, k) in enumerate(
                    zip(truth["place"], truth["boxes"], truth["labels"], strict=True)
                )
            ],
        }
        coco.createIndex()
        told = coco.loadRes(
            [
                {"image_id": int(p), "category_id": int(k), "bbox": wide(b), "score": float(s)}
                for p, b, k, s in zip(*(found[n] for n in EMPTY), strict=True)
            ]
        )
        run = COCOeval(coco, told, "bbox")
        run.params.iouThrs = np.array([0.5])
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][0, :, :, 0, -1]
    return float(precision[precision > -1].mean())


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_scene_of_weight_0_is_left_out(detections, seed):
    truth, found = detections(seed, scenes=5, classes=1)
    kept = np.random.default_rng(seed).random(5) < 0.6
    value = average_precision(matched(truth, found, 0), kept.astype(float))
    parts = [
        {name: values[kept[of["place"]]] for name, values in of.items() if np.ndim(values)}
        for of in (truth, found)
    ]
    again = average_precision(matched(parts[0] | {"scenes": np.int64(5)}, parts[1], 0))
    assert value == pytest.approx(again, nan_ok=True)
    assert np.isnan(value) == (not len(parts[0]["labels"]))


def test_influences_have_the_spread_of_a_bootstrap(detections):
    truth, found = detections(7, scenes=150, classes=1)
    matches = matched(truth, found, 0)
    own = influences(matches)
    assert own.mean() == pytest.approx(0, abs=1e-12)
    rng = np.random.default_rng(0)
    draws = [
        average_precision(matches, np.bincount(rng.integers(150, size=150), minlength=150) * 1.0)
        for _ in range(600)
    ]
    assert own.std(ddof=1) / np.sqrt(150) == pytest.approx(np.std(draws), rel=0.2)


def test_the_gain_is_paired_by_scene(detections):
    truth, found = detections(3, scenes=40, classes=2)
    worse = {name: values[::2] for name, values in found.items()}
    for rare in (False, True):
        before, after = ap(rare=rare)([truth], [worse]), ap(rare=rare)([truth], [found])
        gain = ap_gain(rare=rare)([truth], [worse], [found])
        assert gain.value == pytest.approx(after.value - before.value)
        np.testing.assert_allclose(
            gain.influences, np.subtract(after.influences, before.influences), atol=1e-9
        )
        assert gain.n == 40
    nothing = ap_gain(rare=True)([truth], [found], [found])
    assert nothing.value == 0
    assert not np.any(nothing.influences)


def test_nothing_found_is_nothing_and_all_found_is_all(detections):
    truth, _ = detections(3, scenes=40, classes=2)
    assert ap(rare=False)([truth], [EMPTY]).value == 0
    exact = {name: truth[name] for name in ("place", "boxes", "labels")}
    exact["scores"] = np.full(len(truth["labels"]), 0.5)
    assert ap(rare=False)([truth], [exact]).value == pytest.approx(100)


def test_several_items_are_averaged(detections):
    pairs = [detections(seed, scenes=30, classes=2) for seed in (1, 2)]
    truths, founds = zip(*pairs, strict=True)
    both = ap(rare=True)(truths, founds)
    parts = [ap(rare=True)([t], [f]).value for t, f in pairs]
    assert both.value == pytest.approx(np.mean(parts))
    assert [len(own) for own in both.influences] == [30, 30]
    assert np.mean(both.influences) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("name", "value"), [("scores", np.nan), ("boxes", np.inf)])
def test_numbers_that_are_not_finite_are_refused(detections, name, value):
    truth, found = detections(3, scenes=5, classes=1)
    broken = found | {name: np.full_like(found[name], value)}
    with pytest.raises(ValueError, match="score or box is NaN or infinite"):
        ap(rare=False)([truth], [broken])


def test_a_test_without_the_rare_class_is_refused(detections):
    truth, found = detections(3, scenes=5, classes=1)
    with pytest.raises(ValueError, match="no scene of the test has the rare class"):
        ap(rare=True)([truth | {"rare": np.int64(3)}], [found])
