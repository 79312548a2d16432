"""The form of a suite file held against its data: every fault with its place and nearest key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.errors import nearest
from harness.suite.schema import BoardForm, DatasetForm, ModelForm, SuiteForm
from harness.suite.source import Source

__all__ = ["describe_fault", "read_form"]

_FORMS: Mapping[str, type[BaseModel]] = {
    "models": ModelForm,
    "datasets": DatasetForm,
    "board": BoardForm,
}


def read_form(source: Source) -> tuple[SuiteForm, list[str]]:
    """Check the form of a suite.

    Returns:
        The form, and a line for each fault. Where there are faults, the faulty parts are left
        out of the form, so that what the others name can be checked in the same go; None then
        stands for a faulty element of a list.
    """
    try:
        return SuiteForm.model_validate(source.data), []
    except ValidationError as error:
        errors = error.errors()
    faults = dict.fromkeys(describe_fault(source, e) for e in errors if not _is_echo(e))
    return _healthy(source.data, {e["loc"][:2] for e in errors}), list(faults)


_OF_KEYS = ("extra_forbidden", "missing")  # errors whose last part is always a key


def _is_echo(error: Any) -> bool:
    """Whether an error only says that the other form of an element was meant."""
    branch, given = error["loc"][-1], error["input"]
    return error["type"] not in _OF_KEYS and (
        (branch == "str" and isinstance(given, dict))
        or (branch in {"ModelForm", "DatasetForm"} and not isinstance(given, dict))
    )


def _healthy(data: Mapping[str, Any], bad: set[tuple[str | int, ...]]) -> SuiteForm:
    def element(key: str, index: int, value: Any) -> Any:
        if (key, index) in bad:
            return None
        return _FORMS[key].model_validate(value) if isinstance(value, dict) else value

    parts: dict[str, Any] = {k: [] for k in ("tasks", "datasets", "models", "metrics")}
    for key, value in data.items():
        if key not in SuiteForm.model_fields or (key,) in bad:
            continue
        if isinstance(value, list):
            parts[key] = [element(key, i, v) for i, v in enumerate(value)]
        elif key == "board":
            faulty = any(path[0] == key for path in bad)
            parts[key] = BoardForm() if faulty else BoardForm.model_validate(value)
        else:
            parts[key] = value
    for key in ("plugins", "published"):
        parts[key] = [p for p in parts.get(key, []) if p is not None]
    return SuiteForm.model_construct(**parts)


def describe_fault(
    source: Source, error: Any, prefix: tuple[str, ...] = (), form: type[BaseModel] | None = None
) -> str:
    """Write one of pydantic's errors as ``file:line:col where: what``.

    Args:
        source: where it was found.
        error: as pydantic tells it.
        prefix: keys above the part that was checked.
        form: the form it was checked against, for the nearest key; by default the one that
            stands at this place of a suite.
    """
    where: tuple[str | int, ...] = (*prefix, *tuple(error["loc"]))
    *above, last = where
    path = tuple(p for p in above if isinstance(p, int) or not _is_branch(p))
    if error["type"] in _OF_KEYS or not path or isinstance(last, int) or not _is_branch(last):
        path = (*path, last)
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    match error["type"]:
        case "extra_forbidden":
            fields = _fields(path, form)
            message = f"unknown key{nearest(str(path[-1]), fields)}"
            if "did you mean" not in message:
                message += f"; known keys: {', '.join(sorted(fields))}"
        case "missing":
            message = "this key is missing"
        case "model_type":
            message = f"should be a mapping of keys to values, got {error['input']!r}"
        case _:
            got = error.get("input")
            if isinstance(got, (str, int, float, bool)) and "got" not in message:
                message += f", got {got!r}"
    return source.fault(path, message)


def _is_branch(part: str) -> bool:
    """Whether a part of a location names a branch of a union rather than a key."""
    return part in {"str", "int", "float", "bool", "none", "ModelForm", "DatasetForm"} or (
        "[" in part
    )


def _fields(path: tuple[str | int, ...], form: type[BaseModel] | None) -> list[str]:
    there = _FORMS.get(str(path[0]), SuiteForm) if len(path) > 1 else SuiteForm
    return [f.alias or n for n, f in (form or there).model_fields.items()]
