"""Boards made by hand: an ordinary one, a hostile one, an empty one.

Their numbers are invented and say nothing about any codec.
"""

from __future__ import annotations

import io
import math

import numpy as np

from harness.board.model import (
    Board,
    Candidate,
    Cell,
    Column,
    CompareData,
    CompareGroup,
    CurveData,
    CurvePoint,
    Failure,
    FrontData,
    FrontPoint,
    Image,
    PointRow,
    Row,
    Series,
    Table,
)

HOSTILE = "</script><img src=x onerror=alert(1)>"
NAN = float("nan")

COLUMNS = (
    Column(
        name="bd_rate",
        unit="%",
        better="lower",
        digits=2,
        derived=True,
        summary="Bjøntegaard rate difference at equal PSNR",
    ),
    Column(name="psnr", unit="dB", better="higher", digits=2, summary="PSNR of RGB, mean"),
    Column(name="ms_ssim", better="higher", digits=4, summary="multi-scale SSIM"),
    Column(name="lpips", better="lower", digits=4, summary="LPIPS, AlexNet"),
    Column(name="bpp", unit="bit/px", better="lower", digits=3, summary="bits per pixel"),
    Column(name="encode_time", unit="s", better="lower", digits=3, summary="per image"),
    Column(name="decode_time", unit="s", better="lower", digits=3, summary="per image"),
    Column(name="parameters", unit="", better="lower", digits=0, shown=False),
)
PSNR, BPP = COLUMNS[1], COLUMNS[4]
NAMES = [
    "vvenc [preset=medium]",
    "svt-av1 [preset=4]",
    "libaom [cpu-used=4]",
    "x265 [preset=veryslow]",
    "jxl [effort=7]",
    "avif-pillow",
    "x264 [preset=placebo]",
    "webp [method=6]",
    "jpeg2000",
    "jpeg-444",
    "jpeg-420",
]
SIGNATURE = "psnr|rgb|8bit|mean-of-images|v1"


def picture(seed: int, noise: float, size: tuple[int, int] = (288, 192)) -> Image:
    from PIL import Image as Pil

    width, height = size
    x, y = np.meshgrid(np.linspace(0, 6, width), np.linspace(0, 4, height))
    base = [np.sin(x * (1 + seed % 3) + k) * np.cos(y * 1.3 - k) for k in range(3)]
    rng = np.random.default_rng(seed)
    pixels = np.stack(base, -1) * 90 + 128 + rng.normal(0, noise, (height, width, 3))
    file = io.BytesIO()
    Pil.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, "WEBP", quality=80)
    return Image(file.getvalue(), "image/webp", width, height)


def cell(value: float, spread: float, name: str, **more) -> Cell:
    return Cell(
        value=value,
        low=value - 1.1 * spread,
        high=value + 0.9 * spread,
        n=24,
        signature=SIGNATURE if name == "psnr" else f"{name}|v1",
        **more,
    )


def rate_curve(place: int) -> list[tuple[float, float]]:
    worse = 1 + 0.14 * place
    return [(0.08 * 1.7**k * worse, 27.2 + 2.05 * k - 0.05 * k * k) for k in range(8)]


def measured(place: int, name: str) -> Row:
    curve = rate_curve(place)
    values = {
        "bd_rate": cell(-48.0 + 7.3 * place, 1.6, "bd_rate", best=place == 0),
        "psnr": cell(33.4 - 0.31 * place, 0.42, "psnr", best=place < 2),
        "ms_ssim": cell(0.9871 - 0.0017 * place, 0.0006, "ms_ssim", best=place < 2),
        "lpips": cell(0.041 + 0.004 * place, 0.003, "lpips", best=place == 0),
        "bpp": cell(0.412 + 0.03 * place, 0.021, "bpp"),
        "encode_time": cell(9.1 / (1 + place) ** 2, 0.3 / (1 + place) ** 2, "encode_time"),
        "decode_time": cell(0.00021 if place == 10 else 0.05 / (1 + place), 0.0, "decode_time"),
    }
    if place == 4:
        values["bd_rate"] = Cell(
            value=NAN, note="curves overlap on 62 % of the range; 75 % is needed"
        )
        values["psnr"] = Cell(value=math.inf, n=24, signature=SIGNATURE, note="1 of 24 is exact")
    points = tuple(
        PointRow(
            label=f"q={k + 1}",
            point={"q": k + 1},
            cells={"bpp": cell(x, 0.02 * x, "bpp"), "psnr": cell(y, 0.4, "psnr")},
        )
        for k, (x, y) in enumerate(curve)
    )
    tie = (1, 2) if place < 2 else (place + 1, place + 1)
    return Row(
        entry=name,
        model=name.split(" ", maxsplit=1)[0],
        params={"preset": name.rsplit("=", maxsplit=1)[-1].rstrip("]")} if "=" in name else {},
        summary="still-image mode, YCbCr 4:4:4 10 bit" if place in (0, 3) else "",
        licence="BSD-3-Clause",
        paper="https://doi.org/10.1109/TCSVT.2021.3101953" if place == 0 else "",
        rank=None if place == 4 else tie,
        unranked="bd_rate has no value" if place == 4 else "",
        cells=values,
        points=points,
        environments=("a1b2c3d4",),
        failed=3 if place == 6 else 0,
        planned=192,
        provenance={
            "command": f"{name.split(' ', maxsplit=1)[0]} -i kodim01.y4m -qp 32 -o kodim01.bin",
            "encoder": "1.13.1",
            "decode": {"command": "vvdecapp --threads 1 -b kodim01.bin -o kodim01.yuv", "runs": 8},
        },
    )


def published(name: str, place: int) -> Row:
    return Row(
        entry=name,
        model=name,
        kind="published",
        source="Bégaint et al. 2020, results/kodak/hyperprior.json, sha256 3f1c…",
        unranked="published",
        cells={
            "psnr": Cell(value=32.9 - place, signature="published"),
            "bd_rate": Cell(value=-12.4 + place, signature="published"),
        },
    )


def series(name: str, place: int, kind: str = "measured") -> Series:
    bars = kind == "measured"
    return Series(
        entry=name,
        kind=kind,
        points=tuple(
            CurvePoint(
                x=x,
                y=y,
                y_low=y - 0.45 if bars else NAN,
                y_high=y + 0.4 if bars else NAN,
                x_low=x * 0.97 if bars else NAN,
                x_high=x * 1.03 if bars else NAN,
                label=f"q={k + 1}",
            )
            for k, (x, y) in enumerate(rate_curve(place))
        ),
    )


def ordinary_board() -> Board:
    quoted = ["bmshj2018-hyperprior", "cheng2020-anchor"]
    rows = [measured(k, n) for k, n in enumerate(NAMES)]
    rows += [published(n, k) for k, n in enumerate(quoted)]
    lines = [series(n, k) for k, n in enumerate(NAMES)]
    lines += [series(n, 2 + k, "published") for k, n in enumerate(quoted)]
    dots = tuple(
        FrontPoint(
            entry=n,
            point=CurvePoint(
                x=9.1 / (1 + k) ** 2, y=-48 + 7.3 * k, y_low=-50 + 7.3 * k, y_high=-46 + 7.3 * k
            ),
            on_front=k != 4,
        )
        for k, n in enumerate(NAMES)
    )
    groups = tuple(
        CompareGroup(
            item=f"kodim{n:02d}",
            target=32.0,
            original=picture(n, 0),
            candidates=tuple(
                Candidate(
                    entry=e,
                    label="q=3",
                    scores={"bpp": 0.31 + 0.02 * k, "psnr": 32.04 - 0.1 * k},
                    image=picture(n, 6 + 4 * k),
                )
                for k, e in enumerate(NAMES[:4])
            ),
        )
        for n in (1, 5, 23)
    )
    return Board(
        name="quick",
        title="Still-image codecs on photographs",
        summary="Classical codecs at eight operating points each.",
        rank_by="bd_rate",
        anchor="jpeg-420",
        version="0.1.0",
        created="2026-11-20 20:12 UTC",
        suite_digest="sha256:7e0c4bb1d9f34c1fae1f",
        columns=COLUMNS,
        tables=(
            Table(dataset="kodak", items=24, rows=tuple(rows)),
            Table(dataset="photos", items=9, rows=tuple(rows[:9])),
        ),
        curves=(
            CurveData(
                title="Rate and distortion",
                dataset="kodak",
                x=BPP,
                y=PSNR,
                log_x=False,
                series=tuple(lines),
            ),
            CurveData(
                title="Rate and distortion",
                dataset="photos",
                x=BPP,
                y=PSNR,
                log_x=True,
                series=tuple(lines[:9]),
            ),
        ),
        fronts=(
            FrontData(
                title="Quality against time",
                dataset="kodak",
                x=COLUMNS[5],
                y=COLUMNS[0],
                log_x=True,
                points=dots,
            ),
        ),
        compares=(
            CompareData(title="Reconstructions", dataset="kodak", match_on=PSNR, groups=groups),
        ),
        failures=(
            Failure(
                entry="x264 [preset=placebo]",
                step="encode",
                outcome="timeout",
                reason="took longer than 60 s",
                count=2,
                example="kodim05 at q=8",
                log="frame=    0 fps=0.0 q=0.0 size=       0kB",
            ),
            Failure(
                entry="x264 [preset=placebo]",
                step="lpips",
                outcome="unavailable",
                reason="weights alexnet are not here; harness weights pull alexnet",
                count=1,
            ),
        ),
        outcomes={"ok": 2109, "timeout": 2, "unavailable": 1},
        signatures={
            "psnr": (SIGNATURE, "published"),
            "bpp": ("bpp|v1",),
            "ms_ssim": ("ms_ssim|rgb|8bit|win11|sigma1.5|v1",),
        },
        environments={
            "a1b2c3d4": {
                "python": "3.11.7",
                "processor": "2 × Xeon",
                "packages": {"numpy": "2.3.1", "pillow": "13.0", "torch": "2.14.1", "piq": "0.8"},
            }
        },
    )


def hostile_board(bad: str = HOSTILE) -> Board:
    """Put one hostile text into every place that holds text."""
    column = Column(name=bad, unit=bad, better="higher", digits=2, summary=bad, derived=True)
    other = Column(name=bad + "2", better="lower", digits=2)
    good = Cell(value=1.5, low=1.0, high=2.0, n=3, signature=bad, note=bad, details={bad: [bad]})
    none = Cell(value=NAN, note=bad)
    spot = CurvePoint(x=1.0, y=2.0, y_low=1.5, y_high=2.5, label=bad)
    rows = tuple(
        Row(
            entry=bad + tail,
            model=bad,
            kind=kind,
            params={bad: bad},
            summary=bad,
            licence=bad,
            paper=paper,
            source=bad,
            rank=(1, 2) if tail == "" else None,
            unranked=bad,
            cells={bad: good if tail == "" else none},
            points=(PointRow(label=bad, point={bad: bad}, cells={bad: good, bad + "3": none}),),
            environments=(bad,),
            failed=1,
            planned=2,
            provenance={bad: {bad: bad, "b": [bad, bad], "c": 1, "d": NAN}},
        )
        for tail, kind, paper in (
            ("", "measured", bad),
            ("b", "measured", "javascript:alert(1)"),
            ("c", "published", f'https://example.org/"{bad}'),
        )
    )
    image = picture(1, 0, (24, 16))
    return Board(
        name=bad,
        title=bad,
        summary=bad,
        rank_by=bad,
        anchor=bad,
        version=bad,
        created=bad,
        suite_digest=bad,
        columns=(column, other),
        tables=(Table(dataset=bad, items=3, rows=rows),),
        curves=(
            CurveData(
                title=bad,
                dataset=bad,
                x=column,
                y=column,
                log_x=False,
                series=(
                    Series(
                        entry=bad,
                        kind="measured",
                        points=(spot, CurvePoint(x=2.0, y=math.inf, label=bad)),
                    ),
                ),
            ),
        ),
        fronts=(
            FrontData(
                title=bad,
                dataset=bad,
                x=column,
                y=other,
                log_x=True,
                points=(FrontPoint(entry=bad, point=spot, on_front=True),),
            ),
        ),
        compares=(
            CompareData(
                title=bad,
                dataset=bad,
                match_on=column,
                groups=(
                    CompareGroup(
                        item=bad,
                        target=1.0,
                        original=image,
                        candidates=(
                            Candidate(
                                entry=bad, label=bad, scores={bad: 1.0, "x": NAN}, image=image
                            ),
                        ),
                    ),
                ),
            ),
        ),
        failures=(
            Failure(entry=bad, step=bad, outcome=bad, reason=bad, count=1, example=bad, log=bad),
        ),
        outcomes={bad: 1},
        signatures={bad: (bad, bad + "2")},
        environments={bad: {bad: bad}},
    )
