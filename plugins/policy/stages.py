"""The steps of the task ``imitation``, each in a process that sees its inputs only.

What passes between them, as dicts of arrays (E episodes, T the horizon, A actions, a and c
numbers of an action and of a context). T is the same for all blocks, and all times past the end
of an episode hold NaN in float64 arrays and 0 in all others:

- the item, ``episodes``: ``{"environment": name, "params": {...}, "seeds": [...], "seed": the
  dataset's, "budget": int, "demonstrations": int, "heldout": int, "versions": {...}}``: a block
  of episodes, each with its seed;
- ``demonstrations`` and ``heldout``: ``observations`` (E, T, ...), float32, or int64 where they
  are discrete, or uint8; ``actions`` (E, T) int64 or (E, T, a) float32; ``lengths`` (E,) int64;
- ``contexts``: ``demonstrations`` (E, c), ``heldout`` (E, c), float32: what the expert knew;
- ``environment``: the ``environment`` of :class:`~harness_plugins.policy.interface.Policy.fit`,
  with ``budget`` and the ``versions`` of what simulates it;
- ``information``: ``{"demonstrations": episodes, "simulator_steps": n, "expert_queries": n,
  "privileged": bool}``: what the method used; demonstrations it never looked at count 0;
- ``trajectories``: ``rewards`` (E, T) float64, NaN after the end; ``lengths`` (E,) int64,
  ``terminated`` (E,) bool (not by the time limit), ``context`` (E, c) float32, ``actions``,
  ``observations`` (at step t what the policy saw before it acted), ``final_observations``
  (E, ...) after the last step, ``seeds`` (E,) int64; and, each only where there is such a thing:
  ``expert_actions`` as ``actions``, what the expert would have done; ``regret`` (E, T) float64,
  what each action cost against the expert's own, in expectation to the horizon, so that the sum
  over an episode is in expectation the expert's return less the policy's; ``success`` (E,) bool;
  ``probabilities`` (E, T, A) float64 that the policy gave; ``interventional`` (E, T, A) float64,
  the exact interventional policy on the same history;
- ``replayed``: ``log_prob`` (E, T) float64 of the expert's actions on held-out demonstrations,
  in nats, NaN after the end; -inf where the policy thought them impossible.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.cost.component import Bench, Component
from harness.cost.stages import measure_cost, measure_device, measure_pair, named_components
from harness.trace import note
from harness_plugins.policy.environments.protocol import Array, Environment
from harness_plugins.policy.environments.registry import describe, make
from harness_plugins.policy.environments.seeds import EXPERT, episode_seeds, uniforms
from harness_plugins.policy.environments.tabular import choose
from harness_plugins.policy.interface import Lacking, Policy
from harness_plugins.policy.rollout import Asked, Told, as_probabilities, blanked, play
from harness_plugins.policy.simulator import CountedExpert, CountedSimulator, Watched

__all__ = ["calibration", "cost", "demonstrate", "device", "fit", "pair", "replay", "rollout"]

_AT_ONCE = 64  # episodes of the expert that are played together; it changes no number
_DEMONSTRATION = ("observations", "actions", "lengths")
_CALIBRATION = 1000  # observations, spread over the demonstrations
_REPLAY = 1  # the purpose of a generator of a policy, besides rolling out, which has 0

Arrays = Mapping[str, Array]
Inputs = Mapping[str, Any]


def demonstrate(_model: None, inputs: Inputs, _point: Any, _seed: None) -> dict[str, Any]:
    """Record the expert: to learn from, and to test on.

    Nothing here depends on how many blocks of episodes are evaluated: the first one says what
    the environment is, and all other seeds are made from the dataset's own.
    """
    block = inputs["episodes"][0]
    environment = make(block["environment"], block["params"])
    recorded = getattr(environment, "recorded", None)
    found: dict[str, Any] = {}
    contexts: dict[str, Array] = {}
    for role in ("demonstrations", "heldout"):
        if recorded is not None:
            episodes = recorded(role, block["demonstrations"], block["heldout"])
        else:
            seeds = episode_seeds(role, block["seed"], block[role])
            episodes = _expert_episodes(environment, seeds)
        found[role] = {name: episodes[name] for name in _DEMONSTRATION}
        contexts[role] = episodes["context"]
    told = describe(block["environment"], block["params"], environment)
    told |= {"budget": block["budget"], "versions": block["versions"]}
    return found | {"contexts": contexts, "environment": told}


def calibration(block: Mapping[str, Any]) -> Array:
    """Return observations (n, ...) that the expert met, as ``components`` takes them."""
    shown = demonstrate(None, {"episodes": [block]}, None, None)["demonstrations"]
    there = np.arange(shown["observations"].shape[1]) < shown["lengths"][:, None]
    met: Array = shown["observations"][there]
    return met[np.linspace(0, len(met) - 1, min(len(met), _CALIBRATION)).astype(int)]


def fit(model: Policy, inputs: Inputs, _point: Any, seed: int) -> dict[str, Any]:
    """Learn from the demonstrations, and count what else was used.

    ``simulator`` and ``expert`` are given to a method that ``needs`` them, and ``contexts``
    (E, c) of the demonstrations in a privileged row, where ``fit`` has such a parameter.
    """
    environment = inputs["environment"]
    watched = Watched(inputs["demonstrations"])
    simulator = CountedSimulator(lambda: make(environment["id"], environment["params"]))
    expert = CountedExpert(simulator)
    offered = {"simulator": simulator, "expert": expert}
    extra: dict[str, Any] = {name: offered[name] for name in getattr(model, "needs", ())}
    if "contexts" in inputs:
        extra |= _privilege(model.fit, "contexts", inputs["contexts"]["demonstrations"])
    told = {name: value for name, value in environment.items() if name != "budget"}
    checkpoint = model.fit(watched, told, seed, environment["budget"], **extra)
    information = {
        "demonstrations": watched.episodes,
        "simulator_steps": simulator.steps,
        "expert_queries": expert.queries,
        "privileged": "contexts" in inputs,
    }
    return {"checkpoint": checkpoint, "information": information}


def rollout(model: Policy, inputs: Inputs, _point: Any, seed: int) -> dict[str, Any]:
    """Act in a block of episodes.

    In a privileged row ``reset`` is given ``context`` (B, c), where it has such a parameter.
    """
    block = inputs["episodes"]
    seeds = block["seeds"]
    environment = make(block["environment"], block["params"])
    model.load(inputs["checkpoint"])

    def begin() -> Told:
        context = environment.context.copy() if "contexts" in inputs else None
        _reset(model, len(seeds), np.random.default_rng([seed, 0, *seeds]), context)
        return Told(model, environment, seeds, seed)

    played = play(environment, seeds, begin)
    note("environment_steps", int(played["lengths"].sum()))
    return {"trajectories": played | _judged(environment, played)}


def replay(model: Policy, inputs: Inputs, _point: Any, seed: int) -> dict[str, Any]:
    """Give the log probability of what the expert did in the held-out demonstrations.

    The policy sees the expert's observations and is told the expert's actions, all episodes in
    one batch; ended ones show their last observation.

    Raises:
        Lacking: the policy gives no probabilities, or actions are not discrete.
    """
    if not hasattr(model, "action_probabilities"):
        raise Lacking("the model has no action_probabilities()")
    environment, heldout = inputs["environment"], inputs["heldout"]
    if "n" not in environment["action"]:
        raise Lacking("actions are not discrete: there are no probabilities of them")
    model.load(inputs["checkpoint"])
    actions, lengths = heldout["actions"], heldout["lengths"]
    context = inputs["contexts"]["heldout"] if "contexts" in inputs else None
    _reset(model, len(lengths), np.random.default_rng([seed, _REPLAY]), context)
    found = np.full(actions.shape, np.nan)
    for time in range(int(lengths.max(initial=0))):
        at = np.minimum(time, lengths - 1)
        rows = np.arange(len(lengths))
        chances = model.action_probabilities(heldout["observations"][rows, at])
        chances = as_probabilities(chances, len(lengths), environment["action"]["n"])
        done = actions[rows, at]
        with np.errstate(divide="ignore"):
            found[:, time] = np.where(time < lengths, np.log(chances[rows, done]), np.nan)
        if hasattr(model, "took"):
            model.took(done)
    return {"replayed": {"log_prob": found}}


def _expert_episodes(environment: Environment, seeds: Sequence[int]) -> dict[str, Array]:
    if environment.expert is None:
        raise Lacking("this environment has no expert to record, and no recorded demonstrations")
    played = []
    for start in range(0, max(len(seeds), 1), _AT_ONCE):
        part = seeds[start : start + _AT_ONCE]
        played.append(play(environment, part, lambda part=part: Asked(environment, part)))
    names = (*_DEMONSTRATION, "context")
    return {name: np.concatenate([episodes[name] for episodes in played]) for name in names}


def _judged(environment: Environment, played: Arrays) -> dict[str, Array]:
    """Return what only a judge may know of trajectories, where it is known."""
    seen, done, context = (played[n] for n in ("observations", "actions", "context"))
    found: dict[str, Array] = {}
    if environment.expert is not None:
        found["expert_actions"] = _expert_actions(environment, played)
    if hasattr(environment, "regret"):
        found["regret"] = environment.regret(seen, done, context)
    if hasattr(environment, "interventional"):
        found["interventional"] = environment.interventional(seen, done)
    over = np.isnan(played["rewards"])
    found = {name: blanked(values, over) for name, values in found.items()}
    if hasattr(environment, "success"):
        returns = np.nansum(played["rewards"], axis=1)
        found["success"] = environment.success(returns, played["lengths"], played["terminated"])
    return found


def _expert_actions(environment: Environment, played: Arrays) -> Array:
    """Return what the expert would have done at each step, as if it was asked there."""
    assert environment.expert is not None
    seen, context = played["observations"], played["context"]
    flat = seen.reshape(-1, *seen.shape[2:])
    answers = environment.expert(flat, np.repeat(context, seen.shape[1], axis=0))
    if "n" in environment.action:
        draws = uniforms(played["seeds"].tolist(), EXPERT, environment.horizon)
        answers = choose(answers, draws.ravel())
    return answers.reshape(*seen.shape[:2], *answers.shape[1:])


def _reset(model: Policy, batch: int, rng: np.random.Generator, context: Array | None) -> None:
    extra = {} if context is None else _privilege(model.reset, "context", context)
    model.reset(batch, rng, **extra)


def _privilege(method: Callable[..., Any], name: str, value: Array) -> dict[str, Array]:
    """Return the value as a keyword, where the method has a parameter of that name."""
    return {name: value} if name in inspect.signature(method).parameters else {}


def cost(model: Policy, inputs: Inputs, point: Any, _seed: None) -> dict[str, Any]:
    """Count what one decision costs: of a policy whose network is there only once it learned."""
    return {"cost": measure_cost(_components(model, inputs, point))}


def device(model: Policy, inputs: Inputs, point: Any, _seed: None, bench: Bench) -> dict[str, Any]:
    """Run what one decision takes on a device."""
    return measure_device(_components(model, inputs, point), bench)


def pair(
    model: Policy,
    inputs: Inputs,
    point: Any,
    _seed: None,
    bench: Bench,
    against: tuple[Policy, Inputs, Any],
) -> dict[str, Any]:
    """Time one decision and one of the anchor alternately."""
    anchor = _components(*against)
    return {"device_pairs": measure_pair(anchor, _components(model, inputs, point), bench)}


def _components(model: Policy, inputs: Inputs, point: Any) -> list[Component]:
    """Return what a decision on the first observation that was demonstrated runs."""
    model.load(inputs["checkpoint"])
    first = np.asarray(inputs["demonstrations"]["observations"][0, :1])
    return named_components(model, first, point)
