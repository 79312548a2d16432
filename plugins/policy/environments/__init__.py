"""Environments: blocks of episodes with fixed seeds, and the experts that know them."""

from __future__ import annotations

from typing import Any

from harness import spec

__all__ = ["DATASETS"]

_HERE = "harness_plugins.policy.environments"


def _dataset(name: str, index: str, params: dict[str, Any], **fields: Any) -> spec.Dataset:
    return spec.Dataset(
        name=name,
        provides="episodes",
        index=f"{_HERE}.datasets:{index}",
        load=f"{_HERE}.items:load",
        params=params,
        **fields,
    )


DATASETS: tuple[spec.Dataset, ...] = (
    _dataset(
        "confounded_bandit",
        "bandit",
        {
            "episodes": 1000,
            "block": 250,
            "demonstrations": 2000,
            "heldout": 500,
            "budget": 4_000_000,
            "seed": 0,
            "arms": 5,
            "steps": 100,
            "likely": 0.6,
            "hit": 0.75,
            "miss": 0.25,
        },
        paper="Ortega et al. 2021, arXiv 2110.10819; Vuorio et al. 2022, arXiv 2211.02667",
        summary="5 arms, 100 pulls; the expert knows the likely arm, the imitator does not",
    ),
)
