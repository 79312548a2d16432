"""What a worker does with a call: build the object, load inputs, run, keep outputs."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import json
import math
import os
import pathlib
import sys
from collections import OrderedDict
from typing import Any

from harness.worker import kinds
from harness.worker.kinds import Refused

__all__ = ["Calls", "Refused"]

_CACHE_BYTES = 256 * 2**20
_MODELS = 2  # kept at once: one, and the one it is compared with
_AGAINST = "against:"  # before the names of inputs that are the anchor's


class Calls:
    """Objects built and inputs loaded so far, kept for further calls."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}
        self._models: OrderedDict[str, Any] = OrderedDict()
        self._values: OrderedDict[str, Any] = OrderedDict()
        self._held = 0

    def build(self, request: dict[str, Any]) -> Any:
        """Return the model or metric of the call, made by its factory; None without one.

        Metrics are kept, and of models those that were asked for last.
        """
        for name, path in request.get("files", {}).items():
            _import_file(name, path)
        if not request["factory"]:
            return None
        wrap = request.get("wrap")
        key = json.dumps([request["factory"], request["params"], wrap], sort_keys=True)
        kept = self._built if request.get("op") == "score" else self._models
        if key not in kept:
            while len(self._models) >= _MODELS and kept is self._models:
                self._models.popitem(last=False)
            made = kinds.find(request["factory"])(**request["params"])
            if wrap is not None:
                items = [_load(wrap["kind"], part) for part in wrap["items"]]
                if "given" in wrap:
                    items = [kinds.find(wrap["given"])(item) for item in items]
                made = kinds.find(wrap["run"])(made, items, **wrap["params"])
            kept[key] = made
        elif kept is self._models:
            self._models.move_to_end(key)
        return kept[key]

    def device(self, request: dict[str, Any]) -> Any:
        """Return the device of the call, made once by its factory."""
        device = request["device"]
        key = json.dumps(device, sort_keys=True)
        if key not in self._built:
            folder = pathlib.Path(device["folder"])
            self._built[key] = kinds.find(device["factory"])(folder, **device["params"])
        return self._built[key]

    def load(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the call's inputs by name; a list where it asks for many."""
        found: dict[str, Any] = {}
        for wanted in inputs:
            values = [self._value(wanted, part) for part in wanted["parts"]]
            found[wanted["name"]] = values if wanted["many"] else values[0]
        return found

    def make(self, request: dict[str, Any], made: Any, inputs: dict[str, Any]) -> Any:
        """Run the stage on the model, or the metric on its inputs."""
        if request["op"] == "score":
            return made(*inputs.values())
        run = kinds.find(request["run"])
        if "wrap" in request and hasattr(made, "at"):
            made.at(request["point"])  # not every method of a family gets the point
        own: list[Any] = [self.device(request)] if "device" in request else []
        if "against" in request:
            other = request["against"]
            rival = self.build({"wrap": None, **other})
            theirs = {n[len(_AGAINST) :]: v for n, v in inputs.items() if n.startswith(_AGAINST)}
            inputs = {n: v for n, v in inputs.items() if not n.startswith(_AGAINST)}
            own.append((rival, theirs, other["point"]))
        return run(made, inputs, request["point"], request["seed"], *own)

    def keep(self, request: dict[str, Any], result: Any) -> dict[str, Any]:
        """Check what came back, and leave artifacts in the outbox."""
        if request["op"] == "score":
            if request.get("elements"):
                return {"values": _scores(request, result)}
            return _signed(request, result)
        return {"artifacts": _artifacts(request, result)}

    def _value(self, wanted: dict[str, Any], part: dict[str, Any]) -> Any:
        """Return one value, never an object that an earlier call could have written into."""
        key = f"{wanted['kind']} {part['sha256']} {part.get('item', '')}"
        if key in self._values:
            self._values.move_to_end(key)
            value = self._values[key]
        else:
            value = _load(wanted["kind"], part)
            if not _size(value):
                return value
            self._remember(key, value)
        return value if type(value) is bytes else value.copy()

    def _remember(self, key: str, value: Any) -> None:
        self._values[key] = value
        self._held += _size(value)
        while self._held > _CACHE_BYTES:
            _, old = self._values.popitem(last=False)
            self._held -= _size(old)


def _load(kind: str, part: dict[str, Any]) -> Any:
    data = _read(part) if part["path"] else None
    if "item" in part:
        from harness.spec import Item

        item = Item(part["item"], part["sha256"], part["path"], part["meta"])
        return kinds.find(kind)(item, data)
    assert data is not None
    return kinds.load(kind, data)


def _read(part: dict[str, Any]) -> bytes:
    """Read a file and check that it is what the plan says it is."""
    with open(part["path"], "rb") as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != part["sha256"]:
        raise Refused("invalid", f"{part['path']} is damaged: its sha256 is not {part['sha256']}")
    return data


def _artifacts(request: dict[str, Any], result: Any) -> dict[str, list[Any]]:
    if not isinstance(result, dict) or set(result) != {o["name"] for o in request["outputs"]}:
        names = ", ".join(o["name"] for o in request["outputs"])
        raise Refused("invalid", f"the stage must return a dict of {names}, got {_short(result)}")
    kept: dict[str, list[Any]] = {}
    for output in request["outputs"]:
        data = kinds.dump(output["kind"], result[output["name"]])
        if len(data) > request["max_output"]:
            limit = request["max_output"]
            raise Refused(
                "invalid", f"{output['name']} has {len(data):,} bytes; the limit is {limit:,}"
            )
        _write(output["path"], data)
        kept[output["name"]] = [hashlib.sha256(data).hexdigest(), len(data)]
    return kept


def _write(path: str, data: bytes) -> None:
    try:
        with open(path, "wb") as file:
            file.write(data)
    except OSError as error:  # the store's trouble, not the model's
        raise Refused("unwritten", str(error.errno)) from None


def _score(request: dict[str, Any], result: Any) -> float:
    try:
        value = float(result)
    except (TypeError, ValueError):
        raise Refused("invalid", f"expected a number, got {_short(result)}") from None
    low, high = (float(v) for v in request["range"])
    if math.isnan(value) or (math.isinf(value) and value not in (low, high)):
        raise Refused("nonfinite", f"the score is {value}")
    _check_range(value, low, high)
    return value


def _signed(request: dict[str, Any], result: Any) -> dict[str, Any]:
    """Return a score with what the metric says of it (:class:`harness.spec.Signed`)."""
    from harness.spec import Signed

    if not isinstance(result, Signed):
        return {"value": _score(request, result)}
    found = {"value": _score(request, result.value), "how": str(result.how)}
    if result.influences:
        found["influences"] = _influences(result.influences)
    replicates = [_score(request, value) for value in result.replicates]
    said = {"note": str(result.note), "unranked": str(result.unranked)}
    return found | {"replicates": replicates, "n": int(result.n), **said}


def _influences(given: Any) -> list[list[float]]:
    """Return what each element of a set adds to its score, by item."""
    try:
        found = [[float(value) for value in item] for item in given]
    except (TypeError, ValueError):
        raise Refused(
            "invalid", f"expected influences, a tuple for each item, got {_short(given)}"
        ) from None
    if not all(math.isfinite(value) for item in found for value in item):
        raise Refused("nonfinite", "an influence is not finite")
    return found


def _check_range(value: float, low: float, high: float) -> None:
    slack = 1e-6 * max(1.0, abs(value))
    if not low - slack <= value <= high + slack:
        raise Refused("invalid", f"the score {value} lies outside {low}…{high}")


def _scores(request: dict[str, Any], result: Any) -> list[float | None]:
    """Return a score for each element, None where an element has none: JSON knows no NaN."""
    try:
        if getattr(result, "ndim", 1) != 1:
            raise TypeError
        values = [float(value) for value in result]
    except (TypeError, ValueError):
        raise Refused(
            "invalid", f"expected an array (R,) of numbers, got {_short(result)}"
        ) from None
    if not values:
        raise Refused("invalid", "expected a score for each element, got none at all")
    if all(map(math.isnan, values)):
        raise Refused("nonfinite", f"all {len(values)} scores are nan")
    low, high = (float(v) for v in request["range"])
    for place, value in enumerate(values):
        if math.isinf(value) and value not in (low, high):
            raise Refused("nonfinite", f"the score of element {place} is {value}")
        if not math.isnan(value):
            _check_range(value, low, high)
    return [None if math.isnan(value) else value for value in values]


def _short(result: Any) -> str:
    import reprlib

    return reprlib.repr(result)


def _import_file(name: str, path: str) -> None:
    if name in sys.modules:
        return
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"{os.path.basename(path)} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # compiled anew: bytecode of another version as old and as long would pass for this one
    exec(loader.source_to_code(loader.get_data(path), path), module.__dict__)  # noqa: S102


def _size(value: Any) -> int:
    """Return the bytes of a value that can be kept: an array or bytes; 0 for all others."""
    if type(value) is bytes:
        return len(value)
    return value.nbytes if type(value).__name__ == "ndarray" and not value.dtype.hasobject else 0
