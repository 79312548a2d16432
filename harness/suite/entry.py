"""A row of a suite: a model with its parameters, variant and operating points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from harness.errors import UsageError, nearest
from harness.spec import Json, Model
from harness.suite.schema import ModelForm
from harness.suite.suite import Entry, VariantUse

__all__ = ["check_known", "entry_of", "is_glob", "named"]


def named(form: str | Mapping[str, Any]) -> tuple[str, Any]:
    """Return a name and what is given with it: ``NAME`` or ``{NAME: VALUE}``."""
    if isinstance(form, str):
        return form, None
    [(name, value)] = form.items()
    return name, value


def entry_of(model: Model, use: ModelForm, variant: str, wraps: VariantUse | None) -> Entry:
    check_known("parameter", use.params, model.params, f"model {model.name!r}")
    overlay: Mapping[str, Json] = model.variants.get(variant, {})
    axes: Mapping[str, Sequence[Json]] = model.points
    if use.points is not None:
        check_known("operating point", use.points, model.points, f"model {model.name!r}")
        axes = {**model.points, **use.points}
        for axis, values in use.points.items():
            if any(value in values[:index] for index, value in enumerate(values)):
                raise UsageError(f"model {model.name!r}: a value of {axis!r} stands here twice")
    changed = ",".join(f"{k}={v}" for k, v in use.params.items())
    label = model.name + (f"({changed})" if changed else "")
    if variant != "base":
        own = wraps.params.items() if wraps else ()
        differ = [f"{k}={v}" for k, v in own if wraps and wraps.variant.params[k] != v]
        label += f"+{variant}" + (f"({','.join(differ)})" if differ else "")
    label += " (privileged)" if use.privileged else ""
    return Entry(
        label=use.label or label,
        model=model,
        params={**model.params, **overlay, **use.params},
        points=tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values())),
        variant=variant,
        wraps=wraps,
        privileged=use.privileged,
    )


def check_known(what: str, given: Mapping[str, Any], there: Mapping[str, Any], whose: str) -> None:
    wrong = [f"{whose} has no {what} {n!r}{nearest(n, there)}" for n in given if n not in there]
    if wrong:
        raise UsageError(*wrong)


def is_glob(name: str) -> bool:
    return any(c in name for c in "*?[")
