"""Problems with known truth: generated, and as their authors publish them."""

from __future__ import annotations

from harness import spec
from harness_plugins.causal.datasets.causal3dident import FILES

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
    spec.Dataset(
        name="causal_circuit",
        provides="causal_pairs",
        index=f"{_HERE}.causal_circuit:index",
        load=f"{_HERE}.causal_circuit:load",
        params={"train": 10_000, "val": 1000, "test": 3000, "budget": 2_000_000, "folder": ""},
        requires=("numpy>=2", "pillow>=12"),
        extra="causal",
        licence="as stated by Qualcomm where it is downloaded",
        paper=f"{_ILCM}, section 5.3",
        url="https://developer.qualcomm.com/software/ai-datasets/causalcircuit",
        summary="a simulated robot arm, buttons and lights, 4 variables; pairs, made 64 x 64",
    ),
    spec.Dataset(
        name="causal3dident",
        provides="causal_pairs",
        index=f"{_HERE}.causal3dident:index",
        load=f"{_HERE}.causal3dident:load",
        params={"train": 20_000, "val": 1000, "test": 3600, "budget": 2_000_000},
        files=FILES,
        requires=("numpy>=2", "pillow>=12"),
        extra="causal",
        licence="CC BY 4.0",
        paper="von Kügelgen et al., Self-supervised learning with data augmentations provably "
        "isolates content from style, NeurIPS 2021",
        url="https://zenodo.org/records/4784282",
        summary="rendered objects of 7 classes, 10 variables, made 64 x 64; no pairs",
    ),
    spec.Dataset(
        name="causal_triplet",
        provides="causal_pairs",
        index=f"{_HERE}.causal_triplet:index",
        load=f"{_HERE}.causal_triplet:load",
        params={"train": 5000, "val": 500, "test": 2000, "budget": 500_000, "folder": ""},
        requires=("numpy>=2", "pillow>=12"),
        extra="causal",
        licence="as stated on its Zenodo record",
        paper="Liu et al., Causal Triplet: an open challenge for intervention-centric causal "
        "representation learning, CLeaR 2023",
        url="https://github.com/CausalTriplet/causaltriplet",
        summary="rooms before and after an action on one object, made 64 x 64; targets are exact",
    ),
)
