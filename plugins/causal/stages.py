"""The steps of the task ``pairs``, each in a process that sees its inputs only.

What passes between them, as dicts of arrays (n pairs, t test pairs, d true variables, k latents):

- the item, ``problem``: ``x`` (n, 2, ...) float32 or uint8 observations before and after (or
  (n, 1, ...): no pairs), ``z`` (n, 2, d) float64 true variables, ``noise`` (n, 2, d) their
  exogenous noise, after an intervention the noise that gives ``z`` without one (left out where
  it is not known), ``targets`` (n, d) bool what was intervened on, ``split`` (n,) uint8 0 train,
  1 validation, 2 test, ``adjacency`` (d, d) uint8, [i, j] an edge from i to j, ``budget`` ()
  int64 training pairs a model may look at;
- ``train``: ``pairs``, ``val``, ``budget``; ``train_truth``: ``z``, ``targets`` (and ``noise``)
  of the training pairs, ``val_z`` of the validation pairs;
- ``test``: ``x`` (t, ...), ``x_after`` (left out where there are no pairs);
- ``truth``: of the test pairs ``z`` (t, d), ``noise``, ``targets`` (t, d), ``z_after``,
  ``noise_after``, and ``adjacency``;
- ``codes``: ``before`` (t, k), ``after`` (t, k);
- ``interventions``: ``index`` (m,) test pairs with exactly one target that a latent matches,
  ``x`` (m, ...), ``target`` (m,) int64 the latent, ``value`` (m,) its code after.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.cost.component import Bench, Component
from harness.cost.stages import measure_cost, measure_device, measure_pair, named_components
from harness_plugins.causal.interface import CausalModel, Lacking

__all__ = [
    "calibration",
    "cost",
    "device",
    "encode",
    "fit",
    "graph",
    "infer",
    "intervene",
    "interventions",
    "likelihood",
    "observe",
    "pair",
    "sample",
]

_SAMPLES = 2000
_CALIBRATION = 1000  # training observations
Arrays = Mapping[str, np.ndarray]


def observe(_model: None, inputs: Mapping[str, Any], _point: Any, _seed: None) -> dict[str, Any]:
    """Part what models see from what is true."""
    problem: Arrays = inputs["problem"]
    train, val, test = (problem["split"] == n for n in range(3))
    paired = problem["x"].shape[1] == 2
    kept = [name for name in ("z", "noise") if name in problem]
    truth = {name: problem[name][test][:, 0] for name in kept}
    seen = {"x": problem["x"][test][:, 0]}
    if paired:
        seen["x_after"] = problem["x"][test][:, 1]
        truth |= {f"{name}_after": problem[name][test][:, 1] for name in kept}
    return {
        "train": {
            "pairs": problem["x"][train],
            "val": problem["x"][val],
            "budget": problem["budget"],
        },
        "train_truth": {
            **{name: problem[name][train] for name in kept},
            "targets": problem["targets"][train],
            "val_z": problem["z"][val],
        },
        "test": seen,
        "truth": truth | {"targets": problem["targets"][test], "adjacency": problem["adjacency"]},
    }


def calibration(problem: Arrays) -> np.ndarray:
    """Return observations (n, …) of the training pairs, as ``components`` takes them."""
    return problem["x"][problem["split"] == 0][:_CALIBRATION, 0]


def fit(model: CausalModel, inputs: Mapping[str, Any], _point: Any, seed: int) -> dict[str, Any]:
    """Train on the pairs."""
    train = inputs["train"]
    extra = _truth(model.fit, inputs.get("train_truth"))
    return {
        "checkpoint": model.fit(train["pairs"], train["val"], seed, int(train["budget"]), **extra)
    }


def encode(
    model: CausalModel, inputs: Mapping[str, Any], _point: Any, _seed: int
) -> dict[str, Any]:
    """Give the latents of the test observations."""
    model.load(inputs["checkpoint"])
    test, truth = inputs["test"], inputs.get("truth")
    codes = {"before": _codes(model.encode(test["x"], **_truth(model.encode, truth)), test["x"])}
    if "x_after" in test:
        if truth is not None:
            truth = {**truth, "z": truth["z_after"]} | (
                {"noise": truth["noise_after"]} if "noise_after" in truth else {}
            )
        after = model.encode(test["x_after"], **_truth(model.encode, truth))
        codes["after"] = _codes(after, test["x"])
    return {"codes": codes}


def graph(
    model: CausalModel, inputs: Mapping[str, Any], _point: Any, _seed: int
) -> dict[str, Any]:
    """Give the graph over the latents."""
    model.load(inputs["checkpoint"])
    adjacency = _optional(model, "adjacency")
    found = np.asarray(adjacency(**_truth(adjacency, inputs.get("truth"))), np.float64)
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise _WrongFormError(f"adjacency() gave shape {found.shape}, expected (k, k)")
    if not np.all((found >= 0) & (found <= 1)):
        raise _WrongFormError("adjacency() gave strengths outside 0…1")
    return {"adjacency": found}


def infer(
    model: CausalModel, inputs: Mapping[str, Any], _point: Any, _seed: int
) -> dict[str, Any]:
    """Give, for each test pair, what was intervened on."""
    model.load(inputs["checkpoint"])
    method = _optional(model, "infer_intervention")
    test = inputs["test"]
    after = _paired(test)
    found = np.asarray(method(test["x"], after, **_truth(method, inputs.get("truth"))), np.float64)
    if found.ndim != 2 or len(found) != len(test["x"]):
        raise _WrongFormError(
            f"infer_intervention() gave shape {found.shape}, expected (n, k + 1)"
        )
    if not np.allclose(found.sum(axis=1), 1, atol=1e-4) or np.any(found < 0):
        raise _WrongFormError("infer_intervention() gave rows that are no probabilities")
    return {"posterior": found}


def interventions(
    _model: None, inputs: Mapping[str, Any], _point: Any, _seed: int
) -> dict[str, Any]:
    """Say in a model's own terms what was done to the test pairs: which latent, to which value."""
    test, truth, codes = inputs["test"], inputs["truth"], inputs["codes"]
    _paired(test)
    latent = inputs["match"]["latent"]
    single = truth["targets"].sum(axis=1) == 1
    target = np.where(single, latent[truth["targets"].argmax(axis=1)], -1)
    index = np.flatnonzero(target >= 0)
    if index.size == 0:
        raise Lacking("no test pair has a single target that a latent matches")
    return {
        "interventions": {
            "index": index,
            "x": test["x"][index],
            "target": target[index].astype(np.int64),
            "value": codes["after"][index, target[index]],
        }
    }


def intervene(
    model: CausalModel, inputs: Mapping[str, Any], _point: Any, _seed: int
) -> dict[str, Any]:
    """Give the counterfactual observations of the test pairs."""
    model.load(inputs["checkpoint"])
    method = _optional(model, "intervene")
    done = inputs["interventions"]
    found = np.asarray(method(done["x"], done["target"], done["value"]))
    if found.shape != done["x"].shape:
        raise _WrongFormError(f"intervene() gave shape {found.shape}, expected {done['x'].shape}")
    return {"intervened": found}


def likelihood(
    model: CausalModel, inputs: Mapping[str, Any], _point: Any, _seed: int
) -> dict[str, Any]:
    """Give the log density of each test pair, in nats."""
    model.load(inputs["checkpoint"])
    method = _optional(model, "log_prob")
    test = inputs["test"]
    found = np.asarray(method(test["x"], test.get("x_after")), np.float64)
    if found.shape != (len(test["x"]),):
        raise _WrongFormError(f"log_prob() gave shape {found.shape}, expected ({len(test['x'])},)")
    return {"log_prob": found}


def sample(
    model: CausalModel, inputs: Mapping[str, Any], _point: Any, seed: int
) -> dict[str, Any]:
    """Draw observations from the model."""
    model.load(inputs["checkpoint"])
    return {"samples": np.asarray(_optional(model, "sample")(_SAMPLES, seed))}


class _WrongFormError(ValueError):
    """A model gave something of another form than its interface says."""

    outcome = "invalid"


def _truth(method: Callable[..., Any], truth: Arrays | None) -> dict[str, Arrays]:
    """Return the truth as a keyword, where it is there and the method asks for it."""
    if truth is None or "truth" not in inspect.signature(method).parameters:
        return {}
    return {"truth": truth}


def _optional(model: CausalModel, name: str) -> Callable[..., Any]:
    method: Callable[..., Any] | None = getattr(model, name, None)
    if method is None:
        raise Lacking(f"the model has no {name}()")
    return method


def _paired(test: Arrays) -> np.ndarray:
    if "x_after" not in test:
        raise Lacking("the data has no pairs")
    return test["x_after"]


def _codes(found: Any, x: np.ndarray) -> np.ndarray:
    codes = np.asarray(found, np.float64)
    if codes.ndim != 2 or len(codes) != len(x):
        raise _WrongFormError(f"encode() gave shape {codes.shape}, expected ({len(x)}, k)")
    if not np.all(np.isfinite(codes)):
        error = _WrongFormError("encode() gave codes that are not finite")
        error.outcome = "nonfinite"
        raise error
    return codes


def cost(model: CausalModel, inputs: Mapping[str, Any], point: Any, _seed: int) -> dict[str, Any]:
    """Count what it costs to encode one observation, once the model has learned."""
    return {"cost": measure_cost(_components(model, inputs, point))}


def device(
    model: CausalModel, inputs: Mapping[str, Any], point: Any, _seed: int, bench: Bench
) -> dict[str, Any]:
    """Run on a device what it takes to encode one observation."""
    return measure_device(_components(model, inputs, point), bench)


def pair(
    model: CausalModel,
    inputs: Mapping[str, Any],
    point: Any,
    _seed: int,
    bench: Bench,
    against: tuple[CausalModel, Mapping[str, Any], Any],
) -> dict[str, Any]:
    """Time the encoding of one observation, by the model and by the anchor alternately."""
    anchor = _components(*against)
    return {"device_pairs": measure_pair(anchor, _components(model, inputs, point), bench)}


def _components(model: CausalModel, inputs: Mapping[str, Any], point: Any) -> list[Component]:
    model.load(inputs["checkpoint"])
    return named_components(model, inputs["test"]["x"][:1], point)
