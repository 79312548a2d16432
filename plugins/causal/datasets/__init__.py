"""Problems with known truth: generated, and as their authors publish them."""

from __future__ import annotations

from harness import spec

__all__ = ["DATASETS"]

_HERE = "harness_plugins.causal.datasets"
_ILCM = "Brehmer et al., Weakly supervised causal representation learning, NeurIPS 2022"
_LINEAR = {
    "d": 4,
    "problems": 3,
    "train": 100_000,
    "val": 10_000,
    "test": 15_000,
    "budget": 2_000_000,
    "seed": 0,
}


def _linear(
    name: str, index: str, summary: str, paper: str = "", **params: spec.Json
) -> spec.Dataset:
    return spec.Dataset(
        name=name,
        provides="causal_pairs",
        index=f"{_HERE}.linear:{index}",
        load=f"{_HERE}.linear:load",
        params={**_LINEAR, **params},
        licence="generated",
        paper=paper,
        summary=summary,
    )


DATASETS = (
    _linear(
        "linear_son",
        "index_linear",
        "linear models on random graphs with edges, rotated; single perfect interventions",
        f"{_ILCM}, section 5.4",
    ),
    _linear(
        "nonlinear",
        "index_nonlinear",
        "the variables of linear_son through a diffeomorphism",
    ),
    _linear(
        "stressed",
        "index_stressed",
        "linear_son with one assumption broken, as far as the dial says",
        by="imperfect",
        dial=0.5,
    ),
    spec.Dataset(
        name="circuit",
        provides="causal_pairs",
        index=f"{_HERE}.circuit:index",
        load=f"{_HERE}.circuit:load",
        params={
            "problems": 1,
            "train": 10_000,
            "val": 1000,
            "test": 3000,
            "budget": 2_000_000,
            "seed": 0,
        },
        licence="generated",
        paper=f"after {_ILCM}, section 5.3",
        summary="pictures of a robot arm that presses buttons which light lights",
    ),
)
