"""The reference parts of the documentation against the code they describe."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from harness import hookspecs, spec
from harness.spec import Outcome
from harness.store.tables import TABLES
from harness.suite import schema

DOCS = Path(__file__).parents[2] / "docs"
RECORDS = [
    getattr(spec, name) for name in spec.__all__ if dataclasses.is_dataclass(getattr(spec, name))
]
FORMS = {
    "The suite": schema.SuiteForm,
    "Models": schema.ModelForm,
    "Datasets": schema.DatasetForm,
    "Limits": schema.Limits,
    "The board": schema.BoardForm,
}


def table(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {heading!r}"
    rows = [line for line in found[1].splitlines() if line.startswith("|")]
    cells = [[c.strip().replace(r"\|", "|") for c in re.split(r"(?<!\\)\|", r)] for r in rows]
    return [row[1:-1] for row in cells[2:]]


def test_every_hook_is_documented_with_its_exact_arguments() -> None:
    said = [row[0].strip("`") for row in table("plugins.md", "Hooks")]
    real = [
        f"{name}({', '.join(inspect.signature(function).parameters)})"
        for name, function in vars(hookspecs).items()
        if name.startswith("harness_")
    ]
    assert said == real


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.__name__)
def test_every_field_of_a_record_is_documented_with_its_default(record) -> None:
    said = [(row[0].strip("`"), row[1].strip("`")) for row in table("plugins.md", record.__name__)]
    real = []
    for field in dataclasses.fields(record):
        default = ""
        if field.default is not dataclasses.MISSING:
            default = repr(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            default = repr(field.default_factory())
        real.append((field.name, default))
    assert said == real


@pytest.mark.parametrize("heading", FORMS)
def test_every_key_of_a_suite_is_documented_with_its_default(heading) -> None:
    said = [(row[0].strip("`"), row[1].strip("`")) for row in table("suites.md", heading)]
    real = []
    for name, field in FORMS[heading].model_fields.items():
        default = "" if field.is_required() else _yaml(field.default)
        real.append((field.alias or name, default))
    assert said == real


def _yaml(value: object) -> str:
    if isinstance(value, schema.BoardForm):
        return "{}"
    if value is None:
        return "null"
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_a_table_is_documented_with_its_type(name) -> None:
    said = [(row[0].strip("`"), row[1]) for row in table("boards.md", f"{name}.parquet")]
    assert said == list(TABLES[name].items())


def test_every_outcome_is_documented() -> None:
    said = [row[0].strip("`") for row in table("boards.md", "Outcomes")]
    assert said == [str(outcome) for outcome in Outcome]


def test_the_exit_codes_of_a_run_are_documented() -> None:
    from harness.cli.run_ import command

    assert command.help is not None
    told = set(re.findall(r"(?:^|\s)(\d+) [a-z]", command.help.partition("Exit codes:")[2]))
    said = {row[0] for row in table("suites.md", "Exit codes")}
    assert told <= said


@pytest.fixture(scope="module")
def registry():
    from harness.registry import Registry

    return Registry.load()


def test_every_classical_codec_is_documented_with_its_settings(registry) -> None:
    said = {row[0].strip("`"): row[1:3] for row in table("codec.md", "Classical codecs")[:11]}
    models = registry.all("models").items()
    real = {
        name: [_words(model.params), _words(model.points)]
        for name, model in models
        if registry.owner("models", name).name == "codec_classical"
    }
    assert said == real


def _words(settings) -> str:
    def value(v) -> str:
        return ", ".join(map(str, v)) if isinstance(v, tuple) else str(v)

    return ", ".join(f"{name} {value(v)}" for name, v in settings.items())


def test_every_metric_is_documented_with_unit_direction_and_signature(registry) -> None:
    rows = table("codec.md", "Metrics")
    said = {r[0].strip("`"): (r[1], r[2], r[3].strip("`")) for r in rows if len(r) == 4}
    real = {
        name: (m.unit, m.better, m.signature)
        for name, m in registry.all("metrics").items()
        if registry.owner("metrics", name).name == "codec"
        and {"bitstream_again", "reconstruction_again"}.isdisjoint(m.inputs)
        and name != "size_kept"
    }
    assert said == real


def test_every_dataset_and_item_of_photos_is_documented(registry) -> None:
    said = {row[0].strip("`"): row[1] for row in table("codec.md", "Datasets")}
    own = {n for n in registry.all("datasets") if registry.owner("datasets", n).name == "codec"}
    assert set(said) == own
    from harness_plugins.codec.photos import index

    assert said["photos"] == ", ".join(item.id for item in index())


def test_every_weight_of_a_metric_is_documented(registry) -> None:
    said = {row[0].strip("`"): row[1] for row in table("codec.md", "Weights and licences")}
    real = {
        name: ", ".join(f"`{w.name}`" for w in m.weights)
        for name, m in registry.all("metrics").items()
        if m.weights and registry.owner("metrics", name).name == "codec"
    }
    assert said == real


def test_neural_architectures_are_documented(registry) -> None:
    text = (DOCS / "codec.md").read_text(encoding="utf-8")
    for name in registry.all("models"):
        if name.startswith("compressai-"):
            known = name.removeprefix("compressai-").removesuffix("-ms-ssim")
            assert f"`{known}`" in text or f"`{name}`" in text, name
