"""Panels of matrices and lines made by hand, ordinary and hostile. Their numbers are invented."""

from __future__ import annotations

import math

import numpy as np

from harness.board.model import Column, Line, LinesData, Matrix, MatrixData, MatrixFigure

NAN = float("nan")


def matrix(title, array):
    values = np.asarray(array, float).tolist()
    return Matrix(title=title, values=tuple(tuple(row) for row in values))


def line(entry, height, points=40, **more):
    x = np.arange(points, dtype=float)
    y = height * (1 - np.exp(-x / 9))
    y[-3:] = np.nan
    return Line(
        entry=entry,
        x=tuple(x.tolist()),
        y=tuple(y.tolist()),
        low=tuple((y - 0.05).tolist()),
        high=tuple((y + 0.05).tolist()),
        n=tuple(range(points + 10, 10, -1)),
        **more,
    )


def ordinary(names):
    """Return the panels of an ordinary board, as fields of ``Board``."""
    rng = np.random.default_rng(5)
    small = [np.clip(np.eye(3, 5) * (1 - 0.1 * k) + 0.08 * k, 0, 1) for k in range(4)]
    big = [np.where(np.eye(12, 30) > 0, 1 - 0.1 * k, 0.04 * k * rng.random()) for k in range(4)]
    graph = np.triu(np.ones((4, 4)), 1)
    found = [graph * (1 - 0.1 * k) + 0.15 * k * np.tril(np.ones((4, 4)), -1) for k in range(4)]
    signed = [np.array([[NAN, -0.6, 0.0], [0.3, 1.4, -math.inf]]) + 0.1 * k for k in range(4)]

    def panel(title, arrays, **more):
        figures = (
            MatrixFigure(entry=n, matrices=(matrix("found", a),))
            for n, a in zip(names, arrays, strict=False)
        )
        return MatrixData(
            title=title, dataset="kodak", where="item kodim01, seed 0", figures=tuple(figures),
            **more,
        )  # fmt: skip

    steps = [
        Line(
            entry=name,
            x=(0.0, 0.25, 0.5, 1.0),
            y=(1.0, 0.8 - 0.1 * k, 0.4 - 0.05 * k, 0.0),
            low=(0.9, 0.7 - 0.1 * k, 0.3 - 0.05 * k, 0.0),
            high=(1.0, 0.9 - 0.1 * k, 0.5 - 0.05 * k, 0.1),
            n=(60, 60, 60, 60),
        )
        for k, name in enumerate(names[:3])
    ]
    return {
        "matrices": (
            panel("Code", small, rows="true variable", columns="latent", left=7),
            panel("Wide code", big, rows="true variable", columns="latent"),
            panel("Signed", signed, range=(-1.0, 1.0)),
            panel(
                "Graph", found, style="graph", shared=(matrix("true", graph),),
                failed=((names[5], "KeyError: 'graph'"),),
            ),
        ),
        "series": (
            LinesData(
                title="Reward",
                dataset="kodak",
                x=Column(name="time [steps]", digits=0),
                y=Column(name="reward", digits=3),
                step=False,
                counted="series",
                lines=tuple(line(n, 1 - 0.1 * k) for k, n in enumerate(names[:8])),
                partial=((names[2], "1 of 5 runs left nothing"),),
            ),
        ),
        "profiles": (
            LinesData(
                title="Profile",
                dataset="kodak",
                x=Column(name="τ of success", digits=2),
                y=Column(name="share of scores above τ", better="higher"),
                step=True,
                counted="scores",
                lines=tuple(steps),
            ),
        ),
    }  # fmt: skip


def hostile(bad):
    """Return panels with a hostile text in every place that holds text."""
    column = Column(name=bad, unit=bad, better="higher")
    arrays = [np.eye(2), np.eye(9, 3)]
    figures = tuple(
        MatrixFigure(entry=bad, matrices=(matrix(bad, a), matrix(bad, -a)), point=bad)
        for a in arrays
    )
    shared = {"title": bad, "dataset": bad, "failed": ((bad, bad),), "left": 1}
    return {
        "matrices": tuple(
            MatrixData(
                **shared, style=style, rows=bad, columns=bad, where=bad, range=(-1.0, 1.0),
                shared=(matrix(bad, np.eye(2)),), figures=kept,
            )
            for style, kept in (("heat", figures), ("graph", figures[:1]))
        ),
        "series": (
            LinesData(
                **shared, x=column, y=column, step=False, counted=bad,
                lines=(line(bad, 1, point=bad),), partial=((bad, bad),),
            ),
        ),
        "profiles": (
            LinesData(**shared, x=column, y=column, step=True, counted=bad, lines=()),
        ),
    }  # fmt: skip
