"""The form of a suite file."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["BoardForm", "DatasetForm", "Limits", "ModelForm", "StageLimits", "SuiteForm"]

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def _bytes(value: Any) -> Any:
    """Read ``"4 GB"`` as a number of bytes; leave numbers alone."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*", value)
    if match is None or match[2].upper() not in _UNITS:
        raise ValueError("a size is a number of bytes, or a text like '4 GB' or '512 MiB'")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", value):
        raise ValueError(
            "a name is made of a-z, 0-9, '.', '_' and '-', and begins with a-z or 0-9"
        )
    if value == "store":
        raise ValueError("results are kept under 'store': take another name")
    return value


Size = Annotated[int, BeforeValidator(_bytes), Field(gt=0, lt=2**63)]
Slug = Annotated[str, AfterValidator(_slug)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Scalar = None | bool | int | float | str
Value = Scalar | list[Any] | dict[str, Any]
Named = str | Annotated[dict[str, Value], Field(min_length=1, max_length=1)]
Points = dict[str, Annotated[list[Value], Field(min_length=1)]]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Limits(_Form):
    """What a node may take before it is ended."""

    seconds: Annotated[float, Field(gt=0, description="wall time of one node")] = 600.0
    memory: Annotated[Size, Field(description="resident memory of its processes")] = 8 * 10**9
    output: Annotated[Size, Field(description="bytes of one artifact")] = 10**9


class StageLimits(_Form):
    """Limits of one stage, where they differ from the suite's."""

    seconds: Annotated[float, Field(gt=0)] | None = None
    memory: Size | None = None
    output: Size | None = None


class ModelForm(_Form):
    """Models: one by name, several by glob or tag, with what differs from their declaration."""

    name: Annotated[str | None, Field(description="a model's name, or a glob")] = None
    tag: Annotated[str | None, Field(description="every model that carries this tag")] = None
    label: Annotated[str | None, Field(description="how the row is called")] = None
    params: dict[str, Value] = {}
    points: Points | None = None
    variants: Annotated[
        list[Named],
        Field(min_length=1, description="names, or one name with its parameters: {w8a8: {…}}"),
    ] = ["base"]
    privileged: Annotated[
        bool, Field(description="let it see what the task keeps from models; it is not ranked")
    ] = False
    except_: Annotated[list[str], Field(alias="except", description="globs to leave out")] = []


class DatasetForm(_Form):
    """A dataset by name, with what differs from its declaration."""

    name: str
    params: dict[str, Value] = {}
    items: Annotated[list[str] | None, Field(description="ids or globs; all by default")] = None


class BoardForm(_Form):
    """What the board shows and ranks by."""

    rank_by: Annotated[str | None, Field(description="a metric or a derived score")] = None
    anchor: Annotated[str | None, Field(description="the row others are compared with")] = None
    columns: Annotated[list[str] | None, Field(description="columns shown at first")] = None
    published: Annotated[list[str], Field(description="globs over imported results")] = []
    replicates: Annotated[int, Field(ge=100, le=100_000)] = 2000


class SuiteForm(_Form):
    """A suite: what is run on what, and what the board shows."""

    name: Slug
    title: str = ""
    summary: str = ""
    tasks: Annotated[list[str], Field(min_length=1)]
    datasets: Annotated[list[str | DatasetForm], Field(min_length=1)]
    models: Annotated[list[str | ModelForm], Field(min_length=1)]
    metrics: Annotated[list[str], Field(min_length=1, description="names or globs")]
    seeds: Annotated[list[Seed], Field(min_length=1)] = [0]
    devices: Annotated[
        list[Named],
        Field(description="names, or one name with its first parameter or several: {NAME: VALUE}"),
    ] = []
    limits: Annotated[
        dict[str, Any], Field(description="seconds, memory, output; or a stage's own")
    ] = {}
    board: BoardForm = BoardForm()
    plugins: Annotated[list[str], Field(description="single-file plugins, beside the suite")] = []
    published: Annotated[
        list[str], Field(description="files of published numbers, beside the suite")
    ] = []
