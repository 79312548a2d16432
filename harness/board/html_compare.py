"""Artifacts side by side: plain figures, which the script turns into a viewer."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Final

from harness.board.model import Column, CompareData, CompareGroup, Image
from harness.board.numerals import with_unit

__all__ = ["LIMIT", "compare_html", "inline", "pictures_size", "write_beside"]

#: Bytes of a page above which its pictures are written beside it.
LIMIT: Final = 5_000_000
_SUFFIX: Final = {"image/webp": ".webp", "image/png": ".png", "image/jpeg": ".jpg"}

Address = Callable[[Image], str]


def pictures_size(panels: Iterable[CompareData]) -> int:
    """Return the bytes that the pictures of all panels take within a page."""
    return sum(
        4 * -(-len(image.data) // 3)
        for panel in panels
        for group in panel.groups
        for image in (group.original, *(c.image for c in group.candidates))
        if image is not None
    )


def inline(image: Image) -> str:
    """Return a picture as a ``data:`` address."""
    return f"data:{image.mime};base64,{base64.b64encode(image.data).decode()}"


def write_beside(folder: Path) -> Address:
    """Return a function that writes a picture into ``folder``, once, and returns its address.

    The address is relative to the page, which lies in the folder's parent.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def address(image: Image) -> str:
        digest = hashlib.sha256(image.data).hexdigest()[:20]
        path = folder / f"{digest}{_SUFFIX.get(image.mime, '.bin')}"
        if not path.exists():
            path.write_bytes(image.data)
        return f"{folder.name}/{path.name}"

    return address


def compare_html(panel: CompareData, columns: Mapping[str, Column], address: Address) -> str:
    """Write one panel: for each item the original, if it has one, and all candidates."""
    groups = "".join(_group(panel, group, columns, address) for group in panel.groups)
    return f'<div class="compare">{groups}</div>'


def _group(
    panel: CompareData, group: CompareGroup, columns: Mapping[str, Column], address: Address
) -> str:
    target = with_unit(group.target, panel.match_on)
    matched = f"<small>matched at {escape(panel.match_on.name)} {escape(target)}</small>"
    figures = []
    if group.original is not None:
        figures.append(_figure("original", "", {}, group.original, columns, address))
    figures += [
        _figure(c.entry, c.label, c.scores, c.image, columns, address) for c in group.candidates
    ]
    return (
        f'<section class="group" data-item="{escape(group.item)}"><h4>{escape(group.item)} '
        f"{matched if target else ''}</h4><div class=grid>{''.join(figures)}</div></section>"
    )


def _figure(
    entry: str,
    label: str,
    scores: Mapping[str, float],
    image: Image,
    columns: Mapping[str, Column],
    address: Address,
) -> str:
    rows = []
    for name, value in scores.items():
        text = with_unit(value, columns.get(name, Column(name=name)))
        rows.append(f"<dt>{escape(name)}<dd>{escape(text) or 'no value'}")
    return (
        f'<figure data-e="{escape(entry)}"><img src="{escape(address(image))}" '
        f'width="{image.width}" height="{image.height}" loading="lazy" decoding="async" '
        f'alt="{escape(f"{entry} {label}".strip())}"><figcaption><b>{escape(entry)}</b>'
        + (f" <span>{escape(label)}</span>" if label else "")
        + (f"<dl>{''.join(rows)}</dl>" if rows else "")
        + "</figcaption></figure>"
    )
