"""What the board draws of scores."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.board import panels
from harness.board.build import build_tables
from harness.spec import Item

NAN = float("nan")
ONE = ({},)
LOOSE = [HealthCheck.function_scoped_fixture]


def built(suite, rows):
    board, measured = build_tables(suite, rows, [], {"photos": 12})
    return board, measured[0]


def test_points_of_a_curve_are_the_aggregates_in_order_of_rate(lab):
    rate, quality = lab.codec()
    rows = lab.rows("a", "bpp", rate[::-1]) + lab.rows("a", "psnr", quality[::-1])
    rows += lab.quoted("paper", "bpp", [1, 2]) + lab.quoted("paper", "psnr", [30, 31])
    board, measured = built(lab.suite({"a": lab.POINTS}), rows)
    (plot,) = panels.curves(lab.PANELS[0], board, measured)
    own, paper = plot.series
    assert [p.x for p in own.points] == pytest.approx(rate.mean(axis=1))
    assert [p.y for p in own.points] == pytest.approx(quality.mean(axis=1))
    assert [p.label for p in own.points] == ["q 90", "q 60", "q 30", "q 10"]
    assert all(p.y_low < p.y < p.y_high for p in own.points)
    assert (paper.kind, [(p.x, p.y) for p in paper.points]) == ("published", [(1, 30), (2, 31)])


def test_infinite_and_missing_points_are_not_drawn(lab):
    rate, quality = lab.codec()
    quality[3], rate[0] = np.inf, NAN
    rows = lab.rows("a", "bpp", rate) + lab.rows("a", "psnr", quality)
    (plot,) = panels.curves(lab.PANELS[0], *built(lab.suite({"a": lab.POINTS}), rows))
    assert [p.label for p in plot.series[0].points] == ["q 30", "q 60"]


def test_a_panel_of_what_is_not_there_draws_nothing(lab):
    board, measured = built(lab.suite({"a": ONE}), lab.rows("a", "psnr", [1, 2], ONE))
    assert list(panels.curves(lab.PANELS[0], board, measured)) == []
    assert list(panels.fronts(lab.PANELS[1], board, measured)) == []


@settings(max_examples=30, deadline=None, suppress_health_check=LOOSE)
@given(
    spots=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=2, max_size=9),
    better=st.sampled_from(["higher", "lower"]),
)
def test_a_front_is_what_nothing_dominates(lab, spots, better):
    rows = []
    for n, (seconds, quality) in enumerate(spots):
        rows += lab.rows(f"m{n}", "encode_seconds", [seconds] * 2, ONE)
        rows += lab.rows(f"m{n}", "psnr", [quality] * 2, ONE)
    rows += lab.quoted("paper", "psnr", [99]) + lab.quoted("paper", "encode_seconds", [0])
    names = [f"m{n}" for n in range(len(spots))]
    suite = lab.suite(dict.fromkeys(names, ONE), [lab.metric("psnr", better)], replicates=100)
    (plot,) = panels.fronts(lab.PANELS[1], *built(suite, rows))
    sign = -1 if better == "higher" else 1
    cost = [(s, sign * q) for s, q in spots]
    expected = {
        names[i]
        for i, a in enumerate(cost)
        if not any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in cost)
    }
    assert {p.entry for p in plot.points} == set(names)
    assert {p.entry for p in plot.points if p.on_front} == expected


def test_numbers_of_another_signature_are_drawn_but_not_compared(lab):
    rows = []
    for n, how in enumerate(["jobs:2", "jobs:2", "jobs:8"]):
        rows += lab.rows(f"m{n}", "encode_seconds", [3 - n] * 2, ONE, signature=how)
        rows += lab.rows(f"m{n}", "psnr", [30 - n] * 2, ONE)
    (plot,) = panels.fronts(
        lab.PANELS[1], *built(lab.suite(dict.fromkeys(["m0", "m1", "m2"], ONE)), rows)
    )
    assert [p.on_front for p in plot.points] == [True, True, False]


# --- artifacts side by side -----------------------------------------------------------


def webp(width=8, height=6, **how):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is missing: WebP sizes NOT checked")
    file = io.BytesIO()
    mode = how.pop("mode", "RGB")
    image = pillow.effect_noise((width, height), 60).convert(mode)
    if mode == "RGBA":
        image.putalpha(128)
    image.save(file, "WEBP", **how)
    return file.getvalue()


@pytest.fixture
def shown(lab, tmp_path):
    """Return a function that compares pictures of codecs with given rates: (points, items)."""
    lab.thumbnail = lambda data, side: data
    picture = webp()

    def compare(
        rates, lost=(), points=lab.POINTS, thumbnail=None, gone=(), pathless=(), truths=()
    ):
        lab.thumbnail = thumbnail or lab.thumbnail
        rows, nodes, store = [], [], {}
        arrays = {entry: np.asarray(rate, float) for entry, rate in rates.items()}
        for entry, rate in arrays.items():
            rows += lab.rows(entry, "bpp", rate, points)
            rows += lab.rows(entry, "psnr", rate + 30, points)
            for p, i in np.ndindex(rate.shape):
                digest = f"{entry}-{p}-{i}"
                kept = json.loads(json.dumps(points[p], sort_keys=True))
                if (entry, p) not in lost:
                    store[digest] = picture
                nodes.append(
                    lab.node(entry, item=f"i{i}", point=kept, artifacts={"picture": [digest, 9]})
                )
        items = []
        for i in range(len(next(iter(arrays.values()))[0])):
            path = tmp_path / f"i{i}.webp"
            path.write_bytes(picture)
            if i in gone:
                path.unlink()
            items.append(Item(f"i{i}", "", "" if i in pathless else str(path)))
            if i in truths:
                store[f"truth-{i}"] = picture
                truth = {"truth": [f"truth-{i}", 9]}
                nodes.append(lab.node("a", item=f"i{i}", point=None, artifacts=truth))
        suite = lab.suite(dict.fromkeys(rates, points))
        board, measured = build_tables(suite, rows, nodes, {"photos": len(items)})
        found = list(
            panels.compares(
                replace(lab.PANELS[2], original="truth"),
                board,
                measured[0],
                nodes,
                items,
                store.__getitem__,
            )
        )
        return found[0] if found else None

    return SimpleNamespace(compare=compare)


def labels(group):
    return {c.entry: c.label for c in group.candidates}


def test_candidates_are_the_points_nearest_in_ratio(shown):
    rates = {
        "a": [[0.1], [0.4], [1.0], [9.0]],
        "b": [[0.2], [0.7], [0.7], [2.0]],
        "c": [[0.49]] * 4,
    }
    group = shown.compare(rates).groups[0]
    assert group.target == pytest.approx(0.7)
    # 1.0 is nearer to 0.7 than 0.4 in ratio and in difference alike
    assert labels(group) == {"a": "q 60", "b": "q 30", "c": "q 10"}
    far = {"a": [[0.1], [0.3]], "b": [[0.18], [0.18]], "c": [[0.18], [0.18]]}
    points = ({"q": 1}, {"q": 2})
    group = shown.compare(far, points=points).groups[0]
    assert labels(group)["a"] == "q 2"  # 0.18 / 0.1 > 0.3 / 0.18, though 0.1 is nearer
    assert group.candidates[0].scores == {"bpp": 0.3, "psnr": 30.3}
    assert (group.original.width, group.original.height) == (8, 6)


def test_points_are_matched_however_their_keys_are_ordered(shown):
    points = ({"speed": 1, "q": 5}, {"speed": 1, "q": 9})
    group = shown.compare({"a": [[0.1], [0.2]]}, points=points).groups[0]
    assert labels(group)["a"].startswith("speed 1, q ")


def test_generated_items_have_no_original_and_three_are_shown(shown):
    rates = {"a": np.full((4, 6), 0.5)}
    found = shown.compare(rates, gone={0}, pathless={2})
    assert [g.item for g in found.groups] == ["i1", "i2", "i3"]
    assert [g.original is None for g in found.groups] == [False, True, False]
    assert [labels(g) for g in found.groups] == [{"a": "q 10"}] * 3


def test_a_truth_of_the_protocol_stands_for_a_generated_item(shown):
    rates = {"a": np.full((4, 2), 0.5)}
    found = shown.compare(rates, pathless={0, 1}, truths={1})
    assert [g.original is None for g in found.groups] == [True, False]


def test_pruned_pictures_and_failing_thumbnails_cost_only_themselves(shown):
    rates = {"a": np.full((4, 1), 0.5), "b": np.full((4, 1), 0.5)}
    lost = {("a", p) for p in range(4)}
    assert labels(shown.compare(rates, lost=lost).groups[0]) == {"b": "q 10"}
    assert shown.compare(rates, thumbnail=lambda data, side: b"GIF89a") is None

    def broken(data, side):
        raise RuntimeError("no such filter")

    assert shown.compare(rates, thumbnail=broken) is None


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf])
def test_values_without_a_logarithm_do_no_harm(shown, value):
    group = shown.compare({"a": np.full((4, 1), value)}).groups[0]
    assert labels(group) == {"a": "q 10"}


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        (b"VP8 ", {"quality": 50}),
        (b"VP8L", {"lossless": True}),
        (b"VP8X", {"mode": "RGBA", "quality": 50}),
        (b"VP8X", {"quality": 50, "exif": b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00"}),
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (17, 33), (512, 300), (300, 512)])
def test_sizes_are_read_from_every_kind_of_webp(shown, kind, how, size):
    data = webp(*size, **how)
    assert data[12:16] == kind
    found = shown.compare({"a": np.full((4, 1), 0.5)}, thumbnail=lambda d, s: data)
    image = found.groups[0].original
    assert (image.width, image.height, image.mime) == (*size, "image/webp")
