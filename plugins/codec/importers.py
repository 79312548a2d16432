"""Published rate-distortion curves, read from the files others publish them in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.spec import PublishedScore

__all__ = ["read_compressai", "read_coolchic", "read_tfc"]

_UNITS = {"bpp": "bit/px", "psnr_rgb": "dB", "ms_ssim_db": "dB"}
_COMPRESSAI = {
    "bpp": "bpp",
    "psnr-rgb": "psnr_rgb",
    "ms-ssim-rgb": "ms_ssim",
    "ms-ssim-db-rgb": "ms_ssim_db",
}
_TFC = {"PSNR_sRGB_RGB": "psnr_rgb", "MS-SSIM_sRGB_RGB": "ms_ssim"}
_IN_DB = "published|-10*log10(1-mean)"  # as both sources plot their own numbers


def read_compressai(path: Path, data: bytes) -> Sequence[PublishedScore]:
    """Read a JSON file of CompressAI's ``results/image`` (or of its ``eval_model``).

    Read are bpp, PSNR and MS-SSIM over R, G, B, means over the images of the set; MS-SSIM is
    given in dB too. Times are left out, they belong to another machine. A file that names no
    dataset is one of Kodak, unless it lies in a folder of CLIC or Tecnick results.

    Raises:
        ValueError: one line: the file is not of this format.
    """
    try:
        content = json.loads(_text(path, data), parse_constant=float)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name}:{error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError(f"{path.name}: nested too deeply") from error
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, dict) or not isinstance(content.get("name"), str):
        raise ValueError(f"{path.name}: expected name and results")  # noqa: TRY004 - a file's fault
    columns = {
        ours: _list(path, theirs, results[theirs])
        for theirs, ours in _COMPRESSAI.items()
        if theirs in results
    }
    if len(columns) < 2 or "bpp" not in columns:
        raise ValueError(
            f"{path.name}: expected bpp and one of {', '.join(list(_COMPRESSAI)[1:])}"
        )
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{path.name}: the columns have different lengths, {lengths}")
    meta = content.get("meta")
    stated = meta.get("dataset") if isinstance(meta, dict) else None
    folder = path.parent.name.lower()
    guessed = folder if folder.startswith(("clic", "tecnick")) else "kodak"
    dataset = (_plain(stated) if isinstance(stated, str) else "") or guessed
    points = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return _curve(path, _label(path, content["name"]), dataset, points)


def read_tfc(path: Path, data: bytes) -> Sequence[PublishedScore]:
    """Read a text file of TensorFlow Compression's ``results/image_compression``.

    The folder says which quality the second column is: ``PSNR_sRGB_RGB`` or
    ``MS-SSIM_sRGB_RGB``; the first line of the file names codec and dataset. The two files of a
    codec have the same rates, point by point, and so make one curve.

    Raises:
        ValueError: one line: the file is not of this format.
    """
    quality = _TFC.get(path.parent.name)
    if quality is None:
        raise ValueError(f"{path}: expected it in a folder {' or '.join(_TFC)}")
    lines = _text(path, data).splitlines()
    title = re.match(
        r'# .*rate-distortion data for "(.+)" on ([\w-]+)\.', lines[0] if lines else ""
    )
    if title is None:
        raise ValueError(
            f'{path.name}:1: expected # … rate-distortion data for "CODEC" on DATASET.'
        )
    points = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            where = f"{path.name}:{number}"
            cells = line.split(",")
            if len(cells) != 2:
                raise ValueError(f"{where}: expected two numbers with a comma between")
            bpp, value = (_number(where, cell) for cell in cells)
            points.append({"bpp": bpp, quality: value})
    return _curve(path, f"{_plain(title[1])} (tfc/{path.stem})", title[2], points)


def read_coolchic(path: Path, data: bytes) -> Sequence[PublishedScore]:
    """Read a TSV file of Cool-Chic's ``results``: one row per image and rate constraint.

    Rows stay per image: Cool-Chic takes the PSNR of a set from its mean MSE, which is another
    number than the mean of the images' PSNR.

    Raises:
        ValueError: one line: the file is not of this format, or not of the Kodak images.
    """
    lines = _text(path, data).splitlines()
    header = lines[0].split("\t") if lines else []
    wanted = ("seq_name", "lmbda", "rate_bpp", "psnr_db")
    missing = [name for name in wanted if name not in header]
    if missing:
        raise ValueError(f"{path.name}:1: the header lacks {', '.join(missing)}")
    rows: dict[tuple[str, float], tuple[float, float]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        cells = line.split("\t")
        if len(cells) != len(header):
            raise ValueError(f"{where}: expected {len(header)} columns, found {len(cells)}")
        row = dict(zip(header, cells, strict=True))
        item = row["seq_name"]
        if not re.fullmatch(r"kodim(0[1-9]|1\d|2[0-4])", item):
            raise ValueError(f"{where}: {item!r} is none of the Kodak images kodim01…kodim24")
        lmbda, bpp, psnr = (_number(where, row[name]) for name in wanted[1:])
        if (item, lmbda) in rows:
            raise ValueError(f"{where}: {item} at lmbda {lmbda} stands here a second time")
        rows[item, lmbda] = _checked(where, "bpp", bpp), _checked(where, "psnr_rgb", psnr)
    if not rows:
        raise ValueError(f"{path.name}: there is no row")
    # A smaller lmbda spends more bits.
    positions = {lmbda: at for at, lmbda in enumerate(sorted({k[1] for k in rows}, reverse=True))}
    return [
        PublishedScore(
            model=_label(path, "Cool-Chic"),
            dataset="kodak",
            metric=metric,
            value=value,
            position=positions[lmbda],
            item=item,
            unit=_UNITS[metric],
        )
        for (item, lmbda), pair in rows.items()
        for metric, value in zip(("bpp", "psnr_rgb"), pair, strict=True)
    ]


def _curve(
    path: Path, model: str, dataset: str, points: Iterable[dict[str, float]]
) -> list[PublishedScore]:
    """Return the scores of a curve over a whole set, its points in order of rate."""
    scores: list[PublishedScore] = []
    for position, point in enumerate(sorted(points, key=lambda point: point["bpp"])):
        where = f"{path.name}: point {position + 1}"
        values = {
            name: (_checked(where, name, value), "published") for name, value in point.items()
        }
        if "ms_ssim" in point and "ms_ssim_db" not in point:
            values["ms_ssim_db"] = (-10 * math.log10(1 - point["ms_ssim"]), _IN_DB)
        scores += [
            PublishedScore(
                model=model,
                dataset=dataset,
                metric=metric,
                value=value,
                position=position,
                signature=signature,
                unit=_UNITS.get(metric, ""),
            )
            for metric, (value, signature) in values.items()
        ]
    if not scores:
        raise ValueError(f"{path.name}: there is no point in it")
    return scores


def _label(path: Path, name: str) -> str:
    """Return the codec's name, with the file's where that says more.

    One name stands in several files (trained for MSE and for MS-SSIM, run on two devices).
    """
    short = _plain(name)
    same = re.sub(r"\W|_", "", short).casefold() == re.sub(r"\W|_", "", path.stem).casefold()
    return short if same else f"{short} ({path.stem})".strip()


def _plain(name: str) -> str:
    """Return the name without line ends, control characters and halves of characters."""
    return "".join(letter for letter in " ".join(name.split()) if letter.isprintable())


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: it is no UTF-8 text (byte {error.start})") from error


def _list(path: Path, name: str, column: Any) -> list[float]:
    if not isinstance(column, list):
        raise ValueError(f"{path.name}: {name} is no list")  # noqa: TRY004 - a file's fault
    return [_number(f"{path.name}: {name}[{at}]", value) for at, value in enumerate(column)]


def _number(where: str, value: Any) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{where}: {str(value)[:40]!r} is no finite number")
    return number


def _checked(where: str, metric: str, value: float) -> float:
    """Return the value, if it can be one of this metric."""
    low, high = (0.0, 1.0) if metric == "ms_ssim" else (0.0, math.inf)
    if not low < value < high:
        raise ValueError(
            f"{where}: {metric} is {value:g}, expected it between {low:g} and {high:g}"
        )
    return value
