"""A pole balanced by a cart on a sloping rail; its mass and the rail's friction are hidden.

Gymnasium's ``InvertedPendulum-v5`` (MuJoCo) with the rail inclined. In each episode the pole has
one of a few masses and the rail one of a few viscous frictions. On the slope a force must hold
cart and pole where they are, and it grows with their weight; how hard to correct depends on the
friction. Neither can be seen in a single state: at rest in the middle of the rail the same
observation asks for one force with a light pole and for another with a heavy one.

The expert is the linear-quadratic regulator of the episode's own mass and friction, about its
own equilibrium, from the simulator linearised by central differences over one step. Gusts,
random forces on the cart, keep everything moving.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness_plugins.policy.environments.copies import Copies, bare
from harness_plugins.policy.environments.protocol import Array, Bools, Knowledge, Step
from harness_plugins.policy.environments.seeds import CONTEXT, NOISE, generator, uniforms

__all__ = ["Gains", "check", "gains", "knowledge", "make", "rule"]

_ID = "InvertedPendulum-v5"
_GRAVITY = 9.81
_FORCE = 3.0  # bound of the action; the motor gives 100 N for each unit
_STATE_COST = (1.0, 1.0, 0.1, 0.1)  # position, angle and their rates, per unit squared
_ACTION_COST = 100.0
_SHIFT = 1e-5  # of the differences that linearise
Floats = NDArray[np.float64]


class Gains(NamedTuple):
    """The expert for one mass and friction: ``hold`` - ``feedback`` (state - ``rest``)."""

    hold: float
    feedback: Floats
    rest: Floats


def check(
    masses: Sequence[float], frictions: Sequence[float], slope: float, gusts: float, steps: int
) -> None:
    """Refuse what is no parameter of this environment.

    Raises:
        ValueError: one line that says which.
    """
    for name, values in (("masses", masses), ("frictions", frictions)):
        if not values or min(values) <= 0:
            raise ValueError(f"{name} must be positive numbers, got {list(values)}")
    if not 0 <= slope <= 8:  # the pole stands upright, and falls for gymnasium at 11.5 degrees
        raise ValueError(f"slope={slope} does not lie in 0…8 degrees")
    if gusts < 0:
        raise ValueError(f"gusts={gusts} is negative")
    if steps < 1:
        raise ValueError("at least 1 step is needed")


def make(**params: Any) -> Pendulum:
    """Make the environment; see :class:`Pendulum`."""
    return Pendulum(**params)


def knowledge(
    *,
    masses: Sequence[float],
    frictions: Sequence[float],
    slope: float,
    gusts: float,
    steps: int,
) -> Knowledge:
    """Return the expert's rule and the draw of mass and friction."""
    check(masses, frictions, slope, gusts, steps)
    pairs = _pairs(masses, frictions)

    def draw(rng: np.random.Generator, batch: int) -> NDArray[np.float32]:
        return pairs[rng.integers(len(pairs), size=batch)]

    return Knowledge(partial(rule, slope), draw)


class Pendulum:
    """The environment; see :class:`~.protocol.Environment`.

    A step earns 1 - x², x the place of the cart on the rail in -1…1, and nothing where the pole
    falls, which ends the episode. It succeeds if the pole stands at the horizon. Observations
    are x, the angle of the pole against the rail's normal, and their rates.

    Args:
        masses: of the pole, kg; each as likely as the others.
        frictions: viscous, of the cart on the rail, N s/m.
        slope: of the rail, degrees.
        gusts: standard deviation of what is added to the action at each step.
        steps: the horizon T.
    """

    def __init__(
        self,
        masses: Sequence[float],
        frictions: Sequence[float],
        slope: float,
        gusts: float,
        steps: int,
    ) -> None:
        check(masses, frictions, slope, gusts, steps)
        self._pairs, self._slope, self._gusts = _pairs(masses, frictions), slope, gusts
        self.observation = {"shape": [4], "dtype": "float32"}
        self.action = {"shape": [1], "low": [-_FORCE], "high": [_FORCE]}
        self.horizon = steps
        self.expert = partial(rule, slope)
        self.context = np.zeros((0, 2), np.float32)
        self._copies = Copies(self._copy, self.observation, steps)

    def reset(self, seeds: Sequence[int]) -> Array:
        """Draw mass, friction and all gusts of each episode from its seed."""
        drawn = uniforms(seeds, CONTEXT, 1)[:, 0] * len(self._pairs)
        self.context = self._pairs[np.minimum(drawn.astype(np.int64), len(self._pairs) - 1)]
        normal = [generator(s, NOISE).standard_normal(self.horizon) for s in seeds]
        self._noise = self._gusts * np.stack(normal)
        self._time = 0
        return self._copies.reset(seeds)

    def step(self, actions: Array, live: Bools) -> Step:
        """Push the carts."""
        pushes = actions + self._noise[:, self._time, None]
        step = self._copies.step(np.clip(pushes, -_FORCE, _FORCE), live)
        self._time += 1
        place = step.observations[:, 0].astype(np.float64)
        earns = live & ~step.terminated
        return step._replace(rewards=np.where(earns, 1 - np.minimum(place**2, 1), 0.0))

    def success(self, _returns: Array, _lengths: Array, terminated: Bools) -> Bools:
        """Say which poles stand at the horizon."""
        return ~terminated

    def _copy(self, place: int) -> Any:
        mass, friction = self.context[place].tolist()
        return _simulated(mass, friction, self._slope)


def rule(slope: float, observations: Array, contexts: Array) -> NDArray[np.float32]:
    """Return the expert's actions (B, 1) in states (B, 4), mass and friction (B, 2) known."""
    known = [gains(mass, friction, slope) for mass, friction in np.asarray(contexts).tolist()]
    hold, feedback, rest = (np.array(part) for part in zip(*known, strict=True))
    found = hold - np.einsum("bs,bs->b", feedback, np.asarray(observations, float) - rest)
    return np.clip(found, -_FORCE, _FORCE)[:, None].astype(np.float32)


@cache
def gains(mass: float, friction: float, slope: float) -> Gains:
    """Return the linear-quadratic regulator of a mass (kg), friction (N s/m), slope (degrees)."""
    import mujoco
    from scipy.linalg import solve_discrete_are
    from scipy.optimize import brentq

    made = _simulated(mass, friction, slope)
    model, frames = made.model, made.frame_skip
    data = mujoco.MjData(model)

    def forces(angle: float) -> Floats:
        mujoco.mj_resetData(model, data)
        data.qpos[1] = angle
        mujoco.mj_forward(model, data)
        return np.array(data.qfrc_bias)

    def stepped(state: Floats, action: float) -> Floats:
        mujoco.mj_resetData(model, data)
        data.qpos[:], data.qvel[:], data.ctrl[:] = state[:2], state[2:], action
        mujoco.mj_step(model, data, nstep=frames)
        return np.concatenate([data.qpos, data.qvel])

    angle = brentq(lambda a: forces(a)[1], -0.5, 0.5, xtol=1e-14)  # where gravity turns nothing
    hold = forces(angle)[0] / model.actuator_gear[0, 0]
    rest = np.array([0.0, angle, 0.0, 0.0])
    moved = [stepped(rest + d, hold) - stepped(rest - d, hold) for d in _SHIFT * np.eye(4)]
    a = np.stack(moved, axis=1) / (2 * _SHIFT)
    b = (stepped(rest, hold + _SHIFT) - stepped(rest, hold - _SHIFT))[:, None] / (2 * _SHIFT)
    cost = np.eye(1) * _ACTION_COST
    p = solve_discrete_are(a, b, np.diag(_STATE_COST), cost)
    feedback = np.linalg.solve(cost + b.T @ p @ b, b.T @ p @ a)[0]
    return Gains(float(hold), feedback, rest)


def _simulated(mass: float, friction: float, slope: float) -> Any:
    """Return gymnasium's pendulum with another body and rail."""
    import mujoco

    made: Any = bare(_ID).unwrapped
    model = made.model
    pole = model.body("pole").id
    model.body_inertia[pole] *= mass / model.body_mass[pole]
    model.body_mass[pole] = mass
    model.dof_damping[0] = friction
    angle = np.deg2rad(slope)
    model.opt.gravity[:] = -_GRAVITY * np.sin(angle), 0.0, -_GRAVITY * np.cos(angle)
    mujoco.mj_setConst(model, made.data)
    return made


def _pairs(masses: Sequence[float], frictions: Sequence[float]) -> NDArray[np.float32]:
    return np.array(list(product(masses, frictions)), np.float32)
