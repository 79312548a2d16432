"""Environments: blocks of episodes with fixed seeds, and the experts that know them."""

from __future__ import annotations

from typing import Any

from harness import spec

__all__ = ["DATASETS"]

_HERE = "harness_plugins.policy.environments"
_VUORIO = "Vuorio et al. 2022, Deconfounded imitation learning, arXiv 2211.02667"


def _dataset(
    name: str, index: str, episodes: dict[str, int], own: dict[str, Any], **fields: Any
) -> spec.Dataset:
    """Declare an environment: how many episodes of which kind, and its own parameters."""
    return spec.Dataset(
        name=name,
        provides="episodes",
        index=f"{_HERE}.datasets:{index}",
        load=f"{_HERE}.items:load",
        params={**episodes, "seed": 0, **own},
        **fields,
    )


def _episodes(
    evaluated: int, block: int, demonstrations: int, heldout: int, budget: int
) -> dict[str, int]:
    return {
        "episodes": evaluated,
        "block": block,
        "demonstrations": demonstrations,
        "heldout": heldout,
        "budget": budget,
    }


DATASETS: tuple[spec.Dataset, ...] = (
    _dataset(
        "confounded_bandit",
        "bandit",
        _episodes(1000, 250, 2000, 500, 4_000_000),
        {"arms": 5, "steps": 100, "likely": 0.6, "hit": 0.75, "miss": 0.25},
        paper=f"Ortega et al. 2021, Shaking the foundations, arXiv 2110.10819; {_VUORIO}",
        summary="5 arms, 100 pulls; the expert knows the likely arm",
    ),
    _dataset(
        "confounded_mdp",
        "mdp",
        _episodes(1000, 250, 2000, 500, 4_000_000),
        {"places": 7, "steps": 50, "works": 0.5, "blunders": 0.05},
        summary="7 places in a ring; the expert knows which of two actions moves forward",
    ),
    _dataset(
        "confounded_lunarlander",
        "lunarlander",
        _episodes(100, 25, 200, 50, 4_000_000),
        {"bindings": [[0, 1, 2, 3], [0, 2, 1, 3]], "noise": 0.1},
        requires=("gymnasium>=1.2", "box2d"),
        extra="policy",
        paper=_VUORIO,
        summary="LunarLander-v3 with keys bound anew in each episode, as the expert knows",
    ),
    _dataset(
        "confounded_pendulum",
        "pendulum",
        _episodes(100, 25, 200, 50, 4_000_000),
        {
            "masses": [2.0, 20.0],
            "frictions": [1.0, 60.0],
            "slope": 5.0,
            "gusts": 0.1,
            "steps": 200,
        },
        requires=("gymnasium>=1.2", "mujoco>=3.3", "imageio"),
        extra="policy",
        summary="InvertedPendulum-v5 on a slope; the expert knows mass and friction",
    ),
    _dataset(
        "gymnasium",
        "any_gymnasium",
        _episodes(100, 25, 200, 50, 4_000_000),
        {"id": "", "options": {}, "horizon": 0, "expert": "", "minari": ""},
        requires=("gymnasium>=1.2",),
        extra="policy",
        url="https://gymnasium.farama.org",
        summary="any gymnasium environment: params {id: ID, minari: FOLDER or ID}",
    ),
)
