from __future__ import annotations

import copy
import json
import math
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import open_suite
from harness.errors import UsageError
from harness.registry import Registry
from harness.suite import Suite, load_suite, suite_schema

PLACE = re.compile(r"^.+:\d+:\d+ ")


def opened(path: Path) -> Suite:
    return open_suite(str(path), ())[0]


def faults(path: Path) -> list[str]:
    """Return what is wrong with a suite, without the name of its folder."""
    with pytest.raises(UsageError) as caught:
        opened(path)
    lines = caught.value.lines
    assert all(PLACE.match(line) for line in lines), lines
    return [line.replace(f"{path.parent}/", "") for line in lines]


@pytest.fixture
def text(tmp_path, toy):
    """Return a function that writes a suite given as text; TOY stands for the plugin."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "s.yaml"
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data.replace(b"TOY", str(toy).encode()))
        return path

    return write


HEAD = "name: t\nplugins: [TOY]\ntasks: [squeeze]\ndatasets: [words]\n"
REST = "models: [zip]\nmetrics: [size]\n"


def test_all_faults_of_a_file_are_reported_at_once(text):
    path = text(
        "name: five\n"
        "titel: a wrong key\n"
        "plugins: [TOY]\n"
        "tasks: [toy/squeeze]\n"
        "datasets: [word]\n"
        "models:\n"
        "  - zap\n"
        "  - {name: lossy, params: {kep: 1}}\n"
        "metrics: [size]\n"
        "limits: {seconds: soon}\n"
    )
    assert faults(path) == [
        "s.yaml:2:1 titel: unknown key (did you mean 'title'?)",
        "s.yaml:5:12 datasets.0: unknown dataset 'word' (did you mean 'words'?)",
        "s.yaml:7:5 models.0: unknown model 'zap' (did you mean 'zip'?)",
        "s.yaml:8:5 models.1: model 'lossy' has no parameter 'kep' (did you mean 'keep'?)",
        "s.yaml:10:10 limits.seconds: should be a valid number, got 'soon'",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "s.yaml:1:1 a suite is a mapping of keys to values"),
        ("- zip\n", "s.yaml:1:1 a suite is a mapping of keys to values"),
        (HEAD + REST + "name: u\n", "s.yaml:7:1 key 'name' stands here a second time"),
        (HEAD + "\tx: 1\n", "s.yaml:5:1 not YAML: found character that cannot start any token"),
        (b"name: t\ntitle: \xe9t\xe9\n", "s.yaml:2:8 not UTF-8 text"),
        ("title: a\x07b\n", "s.yaml:1:9 not YAML: a control character"),
        ("a: &x [*x]\n", "s.yaml:1:4 too large, or it holds itself"),
        ("a: " + "[" * 100_000, "s.yaml:1:54 too large, or it holds itself"),
        ("a: " + "[" * 200, "too large|not YAML"),
        ("a: .nan\n", "s.yaml:1:4 .nan: a number must be finite"),
        ("a: 1e999\n", "s.yaml:1:4 1e999: a number must be finite"),
        ("a: " + "9" * 5000, "s.yaml:1:4 not YAML: too long a number"),
        ("a: !!binary aGk=\n", "s.yaml:1:4 tag 'tag:yaml.org,2002:binary': a suite is plain data"),
        ("a: !!int four\n", "s.yaml:1:4 tag 'tag:yaml.org,2002:int': a suite is plain data"),
        ("? [a]\n: b\n", "s.yaml:1:3 a key must be a word; quotes make it one"),
        ("a: *b\n", "s.yaml:1:4 not YAML: found undefined alias"),
        (HEAD + REST + "seeds: [-1]\n", "s.yaml:7:9 seeds.0: should be greater than or equal"),
        (HEAD + "metrics: [size]\n", "s.yaml:1:1 models: this key is missing"),
        (HEAD + "models: []\nmetrics: [size]\n", "s.yaml:5:1 models: List should have at least 1"),
        (
            HEAD + "models: [5]\nmetrics: [size]\n",
            "s.yaml:5:10 models.0: should be a valid string",
        ),
        (HEAD.replace("name: t", "name: store") + REST, "results are kept under 'store'"),
        (HEAD.replace("name: t", "name: ../x") + REST, "a name is made of"),
        (HEAD.replace("TOY", "gone.py") + REST, "s.yaml:2:11 plugin file gone.py does not exist"),
        (HEAD + REST + "limits: {memory: 4 XB}\n", "limits.memory: a size is a number of bytes"),
        (HEAD + REST + "limits: {pac: {seconds: 1}}\n", "limit or stage (did you mean 'pack'?)"),
        (HEAD + REST + "limits: {pack: {secs: 1}}\n", "limits.pack.secs: unknown key"),
        (HEAD + REST + "limits: {pack: 3}\n", "s.yaml:7:10 limits.pack: "),
        (HEAD + REST + "board: {anchor: zop}\n", "'zop' is no row of this suite"),
        (HEAD + REST + "board: {rank_by: sized}\n", "not measured here (did you mean 'size'?)"),
        (HEAD + REST + "devices: [moon]\n", "s.yaml:7:11 devices.0: unknown device 'moon'"),
        (HEAD.replace("[words]", "[words, words]") + REST, "s.yaml:4:19 datasets.1: dataset 'w"),
        (HEAD.replace("[squeeze]", "[squeeze, toy/squeeze]") + REST, "s.yaml:3:18 tasks.1: task"),
    ],
)
def test_traps_are_told_with_their_place(text, content, fault):
    path = text(content)
    (line,) = faults(path)
    assert re.search(fault, line) if "|" in fault else fault in line, line


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ("{name: zip, tag: toy}", "say either 'name' or 'tag'"),
        ("{params: {keep: 1}}", "say either 'name' or 'tag'"),
        ("{tag: toi}", "no model carries the tag 'toi' (did you mean 'toy'?)"),
        ("'zop*'", "no model is called like 'zop*'"),
        ("{name: 'z*', except: ['*']}", "'z*' leaves no model of toy"),
        ("{tag: toy, label: x}", "label 'x' would name 3 models"),
        ("{name: zip, variants: [fast]}", "has no variant 'fast'; it has base, slow"),
        (
            "{name: zip, points: {leval: [1]}}",
            "no operating point 'leval' (did you mean 'level'?)",
        ),
        ("{name: zip, points: {level: [1, 1]}}", "a value of 'level' stands here twice"),
        ("{name: zip, points: {level: []}}", "models.0.points.level: List should have at least 1"),
        ("{name: zip, variants: [base, base]}", "two rows would be called 'zip'"),
    ],
)
def test_what_a_model_line_may_not_say(text, model, fault):
    path = text(HEAD + f"models:\n- {model}\nmetrics: [size]\n")
    (line,) = faults(path)
    assert line.startswith("s.yaml:6:")
    assert fault in line


def test_the_second_of_two_rows_of_one_name_is_pointed_at(text):
    path = text(HEAD + "models:\n- zip\n- {name: lossy, label: zip}\nmetrics: [size]\n")
    assert faults(path) == [
        "s.yaml:7:3 models.1: two rows would be called 'zip': give one a 'label'"
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("4:2:0", "4:2:0"),
        ("on", "on"),
        ("no", "no"),
        ("2020-01-01", "2020-01-01"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("010", 10),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("'5'", "5"),
        ("~", None),
        ("", None),
        ("true", True),
    ],
)
def test_plain_scalars_are_what_they_look_like(text, written, read):
    path = text(HEAD + f"models: [{{name: zip, params: {{fault: {written}}}}}]\nmetrics: [size]\n")
    value = opened(path).entries[0].params["fault"]
    assert value == read
    assert type(value) is type(read)


def test_models_by_name_glob_tag_and_variant(text):
    path = text(
        HEAD + "models:\n"
        "- {name: '*', except: [faulty, l*], variants: [base, slow]}\n"
        "- {tag: toy, except: [zip], points: {level: [2, 4]}}\n"
        "- {name: lossy, params: {keep: 0.25}, variants: [slow]}\n"
        "- {name: lossy, label: mine, params: {keep: 0.75}, points: {level: [9]}}\n"
        "metrics: ['*e*']\n"
    )
    suite = opened(path)
    assert [m.name for m in suite.metrics] == ["likeness", "size"]  # no other family's
    entries = {e.label: e for e in suite.entries}
    assert list(entries) == [
        "zip",
        "zip+slow",
        "faulty",
        "lossy",
        "lossy(keep=0.25)+slow",
        "mine",
    ]
    assert [p["level"] for p in entries["zip"].points] == [1, 3, 6, 9]
    assert [p["level"] for p in entries["lossy"].points] == [2, 4]
    assert entries["zip+slow"].params == {"fault": "slow"}
    assert entries["lossy(keep=0.25)+slow"].params == {"fault": "slow", "keep": 0.25}


def test_anchors_and_limits_of_stages(text):
    path = text(
        HEAD + "models: [{name: zip, points: &p {level: [3]}}, {name: lossy, points: *p}]\n"
        "metrics: [size]\n"
        "limits: {memory: 2 GiB, seconds: 5, pack: {seconds: 50, output: 1.5 kB}, score: "
        "{memory: 9}}\n"
    )
    suite = opened(path)
    assert [e.points for e in suite.entries] == [({"level": 3},)] * 2
    assert (suite.limits_of("unpack").seconds, suite.limits_of("unpack").memory) == (5, 2**31)
    assert (suite.limits_of("pack").seconds, suite.limits_of("pack").output) == (50, 1500)
    assert (suite.limits_of("pack").memory, suite.limits_of("score").memory) == (2**31, 9)


def test_a_metric_without_its_inputs_and_a_model_of_another_family(text):
    path = text(HEAD + "models: [zip, s]\nmetrics: [size, depth]\n")
    stray = path.with_name("stray.py")
    stray.write_text(
        "from harness import Metric, Model, hookimpl\n"
        "@hookimpl\ndef harness_models():\n"
        "    return [Model(name='s', family='other', factory='stray:S', tags=('stray',))]\n"
        "@hookimpl\ndef harness_metrics():\n"
        "    return [Metric(name='depth', factory='stray:D', inputs=('map',), signature='d',\n"
        "                   better='lower')]\n"
    )
    path.write_text(path.read_text().replace("plugins: [", "plugins: [stray.py, "))
    assert faults(path) == [
        "s.yaml:5:15 models.1: model 's' is of family 'other'; the tasks are of toy",
        "s.yaml:6:17 metrics.1: metric 'depth' needs map: no task leaves it",
    ]


def test_no_such_suite_says_the_nearest(tmp_path):
    with pytest.raises(UsageError, match=r"no such suite: 'quik' \(did you mean 'quick'\?\)"):
        open_suite("quik", ())
    with pytest.raises(UsageError, match=r"no such file: '.*x.yaml'"):
        open_suite(str(tmp_path / "x.yaml"), ())


# --- the schema ------------------------------------------------------------------------


def shipped() -> dict[str, Path]:
    return {n: Path(s.path) for n, s in Registry.load().all("suites").items()}


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_suites_fit_the_schema_and_open(name):
    data = yaml.safe_load(shipped()[name].read_text())
    schema = suite_schema()
    assert set(data) <= set(schema["properties"])
    assert set(schema["required"]) <= set(data)
    assert schema["additionalProperties"] is False
    try:
        import jsonschema
    except ImportError:
        pass
    else:
        jsonschema.validate(data, schema)
    assert opened(shipped()[name]).entries


def test_the_schema_is_plain_json_and_names_every_key():
    schema = json.loads(json.dumps(suite_schema()))
    model = schema["$defs"]["ModelForm"]["properties"]
    keys = {"name", "tag", "label", "params", "points", "variants", "privileged", "except"}
    assert set(model) == keys


# --- any mutation of a valid suite -----------------------------------------------------

VALID = {
    "name": "toy",
    "title": "T",
    "plugins": ["TOY"],
    "tasks": ["toy/squeeze"],
    "datasets": [{"name": "words", "params": {"count": 2}}],
    "models": ["zip", {"name": "lossy", "points": {"level": [1]}, "variants": ["base"]}],
    "metrics": ["size", "like*"],
    "seeds": [0],
    "limits": {"seconds": 2.5, "memory": "1 GB", "pack": {"seconds": 1}},
    "board": {"rank_by": "size", "columns": ["size"], "replicates": 100},
}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["zip", "size", "*", "[", "4 GB", "-1", "pack", "level", "!", "str"])
)
KEYS = SCALARS.filter(lambda v: not isinstance(v, float) or math.isfinite(v))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def places(data, path=()):
    yield path
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from places(value, (*path, key))


@st.composite
def mutated(draw):
    """Return a valid suite with a few parts replaced, dropped or added anywhere."""
    data = copy.deepcopy(VALID)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([p for p in places(data) if p]))
        at = data
        for key in above:
            at = at[key]
        match draw(st.sampled_from(["replace", "drop", "add"])):
            case "replace":
                at[last] = draw(VALUES)
            case "drop":
                del at[last]
            case "add" if isinstance(at, dict):
                at[draw(KEYS)] = draw(VALUES)
            case "add":
                at.append(draw(VALUES))
        if not data:
            break
    return data


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=mutated())
def test_any_mutation_gives_a_suite_or_faults_with_their_places(data, toy, tmp_path_factory):
    path = tmp_path_factory.mktemp("mutated") / "s.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True).replace("TOY", str(toy)))
    registry = registries(toy)
    try:
        suite = load_suite(path, lambda files: registry)
    except UsageError as error:
        lines = error.lines
    else:
        assert isinstance(suite, Suite)
        return
    assert lines
    for line in lines:
        assert PLACE.match(line), line
        assert "\n" not in line


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_to_the_text_gives_a_suite_or_faults(data, toy, tmp_path_factory):
    text = yaml.safe_dump(VALID).replace("TOY", str(toy)).encode()
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 6))
    path = tmp_path_factory.mktemp("damaged") / "s.yaml"
    path.write_bytes(text[:at] + data.draw(st.binary(max_size=4)) + text[at + cut :])
    registry = registries(toy)
    lines = ()
    try:
        load_suite(path, lambda files: registry)
    except UsageError as error:
        lines = error.lines
    assert all(PLACE.match(line) for line in lines), lines


def registries(toy: Path, made: list[Registry] = []) -> Registry:  # noqa: B006 - one for all
    if not made:
        made.append(Registry.load([toy]))
    return made[0]
