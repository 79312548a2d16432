"""People's votes between pairs of samples, to a preference for each model."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import nearest
from harness.spec import ANY_DATASET, PublishedScore

__all__ = ["Vote", "preferences", "read"]

Floats = NDArray[np.float64]

_NEEDED = ("prompt", "left", "right", "choice")
_VOTER = "voter"
_WON = {"left": 1.0, "tie": 0.5, "right": 0.0}  # by the model at the left
_DRAWS = 2000


@dataclass(frozen=True, slots=True, order=True)
class Vote:
    """What somebody chose of the samples that two models made of a prompt."""

    prompt: str
    left: str
    right: str
    choice: str
    voter: str = ""


def read(path: Path, data: bytes) -> Sequence[PublishedScore]:
    """Read a CSV file of votes, whose first line names its columns.

    Needed are ``prompt``, ``left`` and ``right``, the labels of two rows of a board, and
    ``choice``: ``left``, ``right`` or ``tie``. ``voter`` may stand there too.

    Raises:
        ValueError: one line, with the line of the file.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: not UTF-8 text") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        _check(path, header)
        votes = [_vote(f"{path.name}:{rows.line_num}", header, row) for row in rows if row]
    except csv.Error as error:
        raise ValueError(f"{path.name}:{rows.line_num}: {error}") from None
    if not votes:
        raise ValueError(f"{path.name}: there is no vote in it")
    return preferences(votes)


def preferences(votes: Sequence[Vote]) -> list[PublishedScore]:
    """Return the share of its votes that each model won, a tie as half a vote.

    The interval draws voters where all votes name them, since the votes of one person are not
    independent, and single votes otherwise. A share depends on whom a model was compared with:
    where not all met equally often, the signature says so.
    """
    votes = sorted(votes)
    models = sorted({name for vote in votes for name in (vote.left, vote.right)})
    by_voter = all(vote.voter for vote in votes)
    units = sorted({vote.voter for vote in votes}) if by_voter else list(range(len(votes)))
    place = {unit: number for number, unit in enumerate(units)}
    won, met = np.zeros((2, len(models), len(units)))
    for number, vote in enumerate(votes):
        unit = place[vote.voter if by_voter else number]
        share = _WON[vote.choice]
        for model, part in ((vote.left, share), (vote.right, 1 - share)):
            won[models.index(model), unit] += part
            met[models.index(model), unit] += 1
    draws = np.random.default_rng(0).multinomial(
        len(units), np.full(len(units), 1 / len(units)), _DRAWS
    )
    signature = "|".join(
        (
            "votes won",
            "tie:half",
            f"bootstrap of {'voters' if by_voter else 'votes'}",
            "all pairs equally often" if _balanced(votes, models) else "pairs not equally often",
            "v1",
        )
    )
    return [
        PublishedScore(
            model=model,
            dataset=ANY_DATASET,
            metric="user_preference",
            value=float(won[number].sum() / met[number].sum()),
            signature=signature,
            joins=True,
            replicates=_replicates(draws @ won[number], draws @ met[number]),
            n=int(met[number].sum()),
            better="higher",
        )
        for number, model in enumerate(models)
    ]


def _replicates(won: Floats, met: Floats) -> tuple[float, ...]:
    """Return the shares of the draws in which the model has a vote."""
    there = met > 0
    return tuple((won[there] / met[there]).tolist())


def _balanced(votes: Sequence[Vote], models: Sequence[str]) -> bool:
    counts: dict[frozenset[str], int] = {}
    for vote in votes:
        pair = frozenset((vote.left, vote.right))
        counts[pair] = counts.get(pair, 0) + 1
    pairs = len(models) * (len(models) - 1) // 2
    return len(counts) == pairs and len(set(counts.values())) == 1


def _check(path: Path, header: Sequence[str]) -> None:
    for name in _NEEDED:
        if name not in header:
            raise ValueError(f"{path.name}:1: expected a column {name!r}")
    for number, name in enumerate(header):
        if name not in (*_NEEDED, _VOTER):
            hint = nearest(name, (*_NEEDED, _VOTER))
            raise ValueError(f"{path.name}:1: unknown column {name!r}{hint}")
        if name in header[:number]:
            raise ValueError(f"{path.name}:1: column {name!r} stands here twice")


def _vote(where: str, header: Sequence[str], row: Sequence[str]) -> Vote:
    if len(row) != len(header):
        raise ValueError(f"{where}: {len(row)} cells, expected {len(header)}")
    given: Mapping[str, str] = {k: v.strip() for k, v in zip(header, row, strict=True)}
    for name in _NEEDED:
        if not given[name]:
            raise ValueError(f"{where}: {name} is empty")
    if given["choice"] not in _WON:
        hint = nearest(given["choice"], _WON)
        raise ValueError(f"{where}: choice is left, right or tie, got {given['choice']!r}{hint}")
    if given["left"] == given["right"]:
        raise ValueError(f"{where}: {given['left']!r} is compared with itself")
    return Vote(**given)
