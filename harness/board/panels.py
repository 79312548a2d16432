"""What the board draws: curves, fronts, artifacts side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.board.build import point_label
from harness.board.columns import Estimate, common_signature
from harness.board.gather import Scores
from harness.board.measure import Measured
from harness.board.model import (
    Board,
    Candidate,
    Column,
    CompareData,
    CompareGroup,
    CurveData,
    CurvePoint,
    FrontData,
    FrontPoint,
    Image,
    Series,
)
from harness.registry import resolve
from harness.spec import ComparePanel, CurvePanel, FrontPanel, Item, Json, Ref

__all__ = ["compares", "curves", "fronts"]

_GROUPS = 3  # items that are shown side by side
_SIDE = 512  # pixels of the longer side of a picture


def curves(panel: CurvePanel, board: Board, measured: Measured) -> Iterator[CurveData]:
    """Yield the plot of a panel on one dataset, if there is anything to draw."""
    columns = {c.name: c for c in board.columns}
    if panel.x not in columns or panel.y not in columns:
        return
    series = []
    scores = measured.scores
    for index, entry in enumerate(scores.entries):
        xs = measured.at_points.get((entry, panel.x), [])
        ys = measured.at_points.get((entry, panel.y), [])
        labels = [point_label(p) for p in scores.points[index]]
        points = [
            _point(x, y, label)
            for x, y, label in zip(xs, ys, labels, strict=False)
            if np.isfinite(x.value) and np.isfinite(y.value)
        ]
        if points:
            ordered = tuple(sorted(points, key=lambda p: p.x))
            series.append(Series(entry=entry, kind=scores.kinds[index], points=ordered))
    if series:
        yield CurveData(
            title=panel.title,
            dataset=scores.dataset,
            x=columns[panel.x],
            y=columns[panel.y],
            log_x=panel.log_x,
            series=tuple(series),
        )


def fronts(panel: FrontPanel, board: Board, measured: Measured) -> Iterator[FrontData]:
    """Yield the scatter of a panel on one dataset, if there are two entries to compare."""
    columns = {c.name: c for c in board.columns}
    if panel.x not in columns or panel.y not in columns:
        return
    x, y = columns[panel.x], columns[panel.y]
    xs, ys = measured.summary.get(x.name, {}), measured.summary.get(y.name, {})
    points = {
        entry: _point(xs[entry], ys[entry], "")
        for entry, kind in zip(measured.scores.entries, measured.scores.kinds, strict=True)
        if kind == "measured"
        and entry in xs
        and entry in ys
        and np.isfinite(xs[entry].value)
        and np.isfinite(ys[entry].value)
    }
    if len(points) < 2:
        return
    # Numbers of other signatures are drawn, not compared.
    signatures = tuple(common_signature({k: e[k] for k in points}) for e in (xs, ys))
    front = _front(
        {
            k: (p.x, p.y)
            for k, p in points.items()
            if (xs[k].signature, ys[k].signature) == signatures
        },
        x,
        y,
    )
    yield FrontData(
        title=panel.title,
        dataset=measured.scores.dataset,
        x=x,
        y=y,
        log_x=panel.log_x,
        points=tuple(FrontPoint(entry=k, point=p, on_front=k in front) for k, p in points.items()),
    )


def _point(x: Estimate, y: Estimate, label: str) -> CurvePoint:
    return CurvePoint(
        x=x.value,
        y=y.value,
        x_low=x.low,
        x_high=x.high,
        y_low=y.low,
        y_high=y.high,
        label=label,
    )


def _front(points: Mapping[str, tuple[float, float]], x: Column, y: Column) -> set[str]:
    """Return the entries that no other is at least as good as in both, and better in one."""
    sx = -1 if x.better == "higher" else 1
    sy = -1 if y.better == "higher" else 1
    found: set[str] = set()
    last = (float("inf"), float("inf"))
    for name, (px, py) in sorted(points.items(), key=lambda p: (sx * p[1][0], sy * p[1][1])):
        here = (sx * px, sy * py)
        if here[1] < last[1] or here == last:
            found.add(name)
            last = here
    return found


def compares(
    panel: ComparePanel,
    board: Board,
    measured: Measured,
    nodes: Sequence[Mapping[str, Any]],
    items: Sequence[Item],
    artifact: Callable[[str], bytes],
) -> Iterator[CompareData]:
    """Yield the artifacts of a few items side by side, at operating points that match.

    Args:
        nodes: of the ``nodes`` table.
        items: of the dataset; a generated one has no original to show.
        artifact: returns the bytes of an artifact by its digest.
    """
    column = next((c for c in board.columns if c.name == panel.match_on), None)
    scores = measured.scores
    if column is None or panel.match_on not in scores.values.keys() - scores.whole:
        return
    shown = _Pictures(panel.thumbnail, artifact)
    own = [n for n in nodes if n["dataset"] == scores.dataset and n["artifacts"]]
    digests = {
        (n["entry"], _text(n["point"] or {}), n["item"]): n["artifacts"][panel.artifact][0]
        for n in own
        if panel.artifact in n["artifacts"]
    }
    truths = {
        n["item"]: n["artifacts"][panel.original][0]
        for n in own
        if panel.original in n["artifacts"]
    }
    groups = []
    for item in [i for i in items if _places(scores, panel.match_on, i.id)]:
        if item.id in truths:
            original = shown.artifact(truths[item.id])
        else:
            original = shown.original(item) if item.path else None
        if original is None and (item.path or item.id in truths):
            continue
        target = _target(measured, panel.match_on, item.id)
        candidates = tuple(
            Candidate(entry=entry, label=label, scores=values, image=image)
            for entry, label, values, digest in _candidates(
                panel, measured, item.id, target, digests
            )
            if (image := shown.artifact(digest)) is not None
        )
        groups.append(
            CompareGroup(item=item.id, target=target, original=original, candidates=candidates)
        )
        if len(groups) == _GROUPS:
            break
    if any(g.candidates for g in groups):
        yield CompareData(
            title=panel.title, dataset=scores.dataset, match_on=column, groups=tuple(groups)
        )


class _Pictures:
    """Makes the pictures of a panel; one that cannot be made is left out, the board stands.

    Artifacts may have been pruned, files may have gone, and thumbnails are a plugin's.
    """

    def __init__(self, thumbnail: Ref, artifact: Callable[[str], bytes]) -> None:
        self._thumbnail, self._artifact = thumbnail, artifact

    def original(self, item: Item) -> Image | None:
        return self._made(lambda: Path(item.path).read_bytes())

    def artifact(self, digest: str) -> Image | None:
        return self._made(lambda: self._artifact(digest))

    def _made(self, read: Callable[[], bytes]) -> Image | None:
        try:
            return _image(resolve(self._thumbnail)(read(), _SIDE))
        except Exception:  # noqa: BLE001 - a plugin may raise anything
            return None


def _target(measured: Measured, metric: str, item: str) -> float:
    """Return the value that most entries can come near to: the median of their medians."""
    scores = measured.scores
    own = [
        _of_item(scores, metric, index, item)
        for index, kind in enumerate(scores.kinds)
        if kind == "measured"
    ]
    medians = [np.nanmedian(values) for values in own if not np.all(np.isnan(values))]
    return float(np.median(medians)) if medians else float("nan")


def _candidates(
    panel: ComparePanel,
    measured: Measured,
    item: str,
    target: float,
    digests: Mapping[tuple[str, str, str], str],
) -> Iterator[tuple[str, str, dict[str, float], str]]:
    """Yield, of each entry, the artifact of the point nearest to the target (in ratio)."""
    scores = measured.scores
    for index, entry in enumerate(scores.entries):
        if scores.kinds[index] != "measured":
            continue
        own = _of_item(scores, panel.match_on, index, item)
        points = scores.points[index]
        there = {
            n: digest
            for n, value in enumerate(own)
            if not np.isnan(value)
            and (digest := digests.get((entry, _text(points[n]), item))) is not None
        }
        if not there:
            continue
        point = min(there, key=lambda n: _apart(float(own[n]), target))
        found = {
            name: float(_of_item(scores, name, index, item)[point])
            for name in scores.values
            if name not in scores.whole
            and not name.endswith("_seconds")
            and _places(scores, name, item)
        }
        values = {name: value for name, value in found.items() if not np.isnan(value)}
        yield entry, point_label(points[point]), values, there[point]


def _places(scores: Scores, metric: str, item: str) -> list[int]:
    """Return where the scores of an item stand: one place, or those of what it holds."""
    if metric not in scores.split:
        return [scores.items.index(item)] if item in scores.items else []
    return [at for at, id_ in enumerate(scores.elements) if id_.rpartition(":")[0] == item]


def _of_item(scores: Scores, metric: str, entry: int, item: str) -> NDArray[np.float64]:
    """Return an entry's scores of an item at its points; of what it holds, the mean."""
    own = scores.of(metric, entry)[:, _places(scores, metric, item)]
    there = ~np.isnan(own)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.where(there, own, 0).sum(axis=1) / there.sum(axis=1)
    return mean


def _apart(value: float, target: float) -> float:
    """Return how far a value is from the target: in ratio, where both have a logarithm."""
    if value == target:
        return 0.0
    if value > 0 and target > 0 and math.isfinite(value) and math.isfinite(target):
        return abs(math.log(value / target))
    return float("inf") if target > 0 or math.isinf(target) else abs(value - target)


def _text(point: Mapping[str, Json]) -> str:
    return json.dumps(point, sort_keys=True)


def _image(data: bytes) -> Image:
    """Read the size of a WebP picture from its header (RFC 9649).

    Raises:
        ValueError: it is none.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        raise ValueError("a thumbnail is a WebP picture")
    kind = data[12:16]
    if kind == b"VP8 ":
        width = int.from_bytes(data[26:28], "little") & 0x3FFF
        height = int.from_bytes(data[28:30], "little") & 0x3FFF
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    return Image(data, "image/webp", width, height)
