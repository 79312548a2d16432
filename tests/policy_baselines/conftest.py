from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness_plugins.policy.environments.registry import describe, make
from harness_plugins.policy.environments.seeds import episode_seeds
from harness_plugins.policy.rollout import Asked, Told, play


class World:
    """An environment with demonstrations of its expert, and a way to play in it."""

    def __init__(self, name: str, episodes: int = 30, **params: Any) -> None:
        self.environment = make(name, params)
        self.about = describe(name, params, self.environment)
        self.demonstrations = self.recorded("demonstrations", episodes)

    def recorded(self, role: str, episodes: int) -> dict[str, np.ndarray]:
        seeds = episode_seeds(role, 0, episodes)
        played = play(self.environment, seeds, lambda: Asked(self.environment, seeds))
        self.contexts = played["context"]
        return {k: played[k] for k in ("observations", "actions", "lengths")}

    def play(self, policy: Any, episodes: int = 20, seed: int = 0, **reset: Any) -> dict[str, Any]:
        seeds = episode_seeds("evaluation", 0, episodes)

        def begin() -> Told:
            policy.reset(episodes, np.random.default_rng(seed), **reset)
            return Told(policy, self.environment, seeds, seed)

        return play(self.environment, seeds, begin)

    def replayed(self, policy: Any, recorded: dict[str, np.ndarray]) -> np.ndarray:
        """Return log p of what was recorded, step by step along the record."""
        actions = recorded["actions"]
        policy.reset(len(actions), np.random.default_rng(0))
        found = np.empty(actions.shape)
        for t in range(actions.shape[1]):
            chances = policy.action_probabilities(recorded["observations"][:, t])
            found[:, t] = np.log(chances[np.arange(len(actions)), actions[:, t]])
            policy.took(actions[:, t])
        return found

    def contexts_of(self, episodes: int) -> np.ndarray:
        self.environment.reset(episode_seeds("evaluation", 0, episodes))
        return self.environment.context.copy()


@pytest.fixture(scope="session")
def bandit() -> World:
    return World("confounded_bandit", arms=3, steps=12)


@pytest.fixture(scope="session")
def literature() -> World:
    return World("confounded_bandit", episodes=1000)


@pytest.fixture(scope="session")
def ring() -> World:
    return World("confounded_mdp", steps=15)


@pytest.fixture(scope="session")
def pendulum() -> World:
    pytest.importorskip("mujoco")
    return World(
        "confounded_pendulum",
        episodes=6,
        masses=[2.0, 20.0],
        frictions=[1.0, 60.0],
        slope=5.0,
        gusts=0.1,
        steps=40,
    )
