"""A board's rows: variants beside their base, models added, numbers from others."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness import load_board
from harness.api import open_suite, rows_of, run
from harness.errors import UsageError
from harness.store.tables import read_table

EXTRA = """\
import dataclasses

import numpy as np

from harness import Artifact, Dataset, Derived, DerivedScore, Family, Metric, Model, Resource
from harness import Signed, Stage, Task, Variant, hookimpl

FIT = Stage(
    name="fit", run="extra:fit", inputs=("pages",), outputs=(Artifact("learned", "json"),), per=(),
    plain=True,
)
READ = Stage(
    name="read", run="extra:read", inputs=("learned", "pages"),
    outputs=(Artifact("marks", "array"),),
)
SIZE = Stage(
    name="cost", run="extra:cost", inputs=("pages",), outputs=(Artifact("cost", "json"),), per=(),
    aside=True, weightless=True,
)


@hookimpl
def harness_families():
    task = Task(name="read", item="pages", accepts="pages", stages=(FIT, READ, SIZE))
    return [
        Family(
            name="reading", summary="reads", interface="extra:Reader", tasks=(task,),
            calibration="extra:first",
        )
    ]


@hookimpl
def harness_datasets():
    return [
        Dataset(
            name="books", provides="pages", index="extra:index", load="extra:load",
            params={"count": 4},
        )
    ]


@hookimpl
def harness_models():
    return [
        Model(name="reader", family="reading", factory="extra:Reader", params={"skill": 2}),
        Model(
            name="absent", family="reading", factory="extra:Reader", params={"skill": 3},
            skeleton="extra:Skeleton",
            weights=(Resource(name="w.pt", url="http://127.0.0.1/w.pt", sha256=64 * "0"),),
        ),
    ]


@hookimpl
def harness_variants():
    return [
        Variant(name="tired", wrap="extra:Tired", params={"by": 1}, families=("reading",),
                calibrated=True),
        Variant(name="brisk", wrap="extra:Brisk", families=("reading",), weightless=True),
    ]


@hookimpl
def harness_metrics():
    common = {"better": "higher", "range": (-100.0, 100.0)}
    return [
        Metric(name="mark", factory="extra:Mark", inputs=("marks",), signature="mark|v1",
               per="element", **common),
        Metric(name="spread", factory="extra:Spread", inputs=("marks",), signature="spread|v1",
               per="set", **common),
        Metric(name="wrong", factory="extra:Wrong", inputs=("marks",), signature="wrong|v1",
               per="set", **common),
        Metric(name="pages_cost", factory="extra:Cost", inputs=("cost",), signature="cost|v1",
               better="lower"),
    ]


@hookimpl
def harness_derived():
    return [Derived(name="told", compute="extra:told", inputs=("mark", "spread"))]


def index(count):
    import hashlib
    from harness import Item
    return [Item(f"b{n}", hashlib.sha256(bytes([n])).hexdigest(), meta={"n": n})
            for n in range(count)]


def load(item, data):
    return np.arange(5.0) + item.meta["n"]


def first(pages):
    return float(pages[0])


def fit(model, inputs, point, seed):
    return {"learned": model.learn(inputs["pages"])}


def read(model, inputs, point, seed):
    return {"marks": model.read(inputs["learned"], inputs["pages"])}


def cost(model, inputs, point, seed):
    return {"cost": model.cost()}


class Reader:
    def __init__(self, skill):
        self.skill = skill

    def learn(self, pages):
        return [len(pages), self.skill]

    def read(self, learned, pages):
        return learned[1] * pages

    def cost(self):
        return 10 * self.skill


class Skeleton:
    def __init__(self, skill):
        self.skill = skill

    def cost(self):
        return 10 * self.skill


class Tired:
    def __init__(self, model, items, by):
        self.model, self.items, self.by = model, items, by

    def read(self, learned, pages):
        return self.model.read(learned, pages) - self.by - sum(self.items)

    def cost(self):
        return self.model.cost()


class Brisk:
    def __init__(self, model, items):
        self.model = model

    def read(self, learned, pages):
        return self.model.read(learned, pages)

    def cost(self):
        return self.model.cost() // 2


class Mark:
    def __call__(self, marks):
        return marks


class Spread:
    def __call__(self, marks):
        every = np.concatenate(marks)
        value = every.var()
        adds = (every - every.mean()) ** 2 - value
        parts = np.split(adds, np.cumsum([len(m) for m in marks])[:-1])
        return Signed(value, how=f"n:{every.size}", note="of all", n=every.size,
                      influences=tuple(tuple(part) for part in parts))


class Wrong:
    def __call__(self, marks):
        return Signed(1.0, influences=((float("nan"),),))


class Cost:
    def __call__(self, cost):
        return Signed(cost, replicates=(cost,))


def told(curves, anchor):
    for c in curves:
        same = c.scores["spread"].shape == c.scores["mark"].shape
        yield DerivedScore(entry=c.entry, name="told", value=float(same), signature="told|v1",
                           details={"model": c.model, "variant": c.variant, **c.params})
"""
TIRED = {"tired": {"calibration": {"name": "books", "params": {"count": 2}}}}


@pytest.fixture
def reading(tmp_path):
    """Return a function that runs a suite of the family above; its board and nodes."""
    (tmp_path / "extra.py").write_text(EXTRA)

    def go(name="reading", models=(), rows=None, **changes):
        suite = {
            "name": name,
            "plugins": ["extra.py"],
            "tasks": ["reading/read"],
            "datasets": ["books"],
            "models": rows or [{"name": "reader", "variants": ["base", TIRED]}],
            "metrics": ["mark", "spread"],
        } | changes
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(suite))
        done = run(path, results=tmp_path / "results", models=models)
        board = load_board(tmp_path / "results" / name).set_index(["entry", "metric"])
        nodes, _ = read_table(tmp_path / "results" / name / "nodes.parquet")
        return done, board, nodes

    return go


def test_a_set_is_resampled_by_what_its_elements_add(reading):
    _, board, _ = reading(board={"rank_by": "spread"})
    values = np.concatenate([2 * (np.arange(5.0) + n) for n in range(4)])
    row = board.loc[("reader", "spread")]
    assert row["value"] == pytest.approx(values.var())
    assert row["n"] == 20  # the elements, not the four items
    assert row["signature"] == "spread|v1|n:20"
    assert row["note"] == "of all"
    error = 2 * np.std((values - values.mean()) ** 2) / np.sqrt(20)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(error, rel=0.25)
    # the same elements under both rows: their difference is exact, and so is the tie
    assert board.loc[("reader+tired", "spread"), "value"] == pytest.approx(values.var())
    assert set(board["rank_low"].dropna()) == {1}


def test_a_derived_score_has_a_set_by_its_elements_and_knows_the_row(reading):
    _, board, _ = reading(metrics=["mark", "spread"])
    assert board.loc[("reader", "told"), "value"] == 1
    details = board.loc[("reader+tired", "told"), "details"]
    assert details == {"model": "reader", "variant": "tired", "skill": 2}


def test_influences_that_are_no_numbers_have_an_outcome(reading):
    _, _, nodes = reading(metrics=["wrong"])
    [bad] = [n for n in nodes if n["step"] == "wrong" and n["entry"] == "reader"]
    assert (bad["outcome"], bad["reason"]) == ("nonfinite", "an influence is not finite")


def test_variants_share_a_plain_stage_and_are_calibrated_on_what_the_family_gives(reading):
    _, board, nodes = reading()
    fits = {n["key"] for n in nodes if n["step"] == "fit"}
    assert len(fits) == 1
    reads = [n["key"] for n in nodes if n["step"] == "read"]
    assert len(set(reads)) == len(reads)
    # by one, and by the first pages of two books: 0 and 1
    apart = board.loc[("reader+tired", "mark"), "value"] - board.loc[("reader", "mark"), "value"]
    assert apart == pytest.approx(-2)


def test_a_delta_is_paired_with_the_base(reading):
    columns = ["mark", "delta_mark", "delta_spread"]
    _, board, _ = reading(board={"columns": columns})
    row = board.loc[("reader+tired", "delta_mark")]
    assert (row["value"], row["low"], row["high"]) == pytest.approx((-2, -2, -2))
    assert row["signature"] == "mark|v1|less reader"
    assert ("reader", "delta_mark") not in board.index
    assert board.loc[("reader+tired", "delta_spread"), "value"] == pytest.approx(0)


def test_a_delta_of_nothing_is_a_fault(reading):
    with pytest.raises(UsageError, match=r"'makr' is not measured here \(did you mean 'mark'"):
        reading(board={"columns": ["delta_makr"]})


def test_a_skeleton_is_counted_under_a_variant_that_needs_no_weights(reading):
    rows = [{"name": "absent", "variants": ["base", "brisk", TIRED]}]
    done, board, nodes = reading(rows=rows, metrics=["pages_cost"])
    assert done.exit_code == 0
    assert board.loc[("absent", "pages_cost"), "value"] == 30
    assert board.loc[("absent+brisk", "pages_cost"), "value"] == 15
    tired = [n for n in nodes if n["entry"] == "absent+tired" and n["step"] == "pages_cost"]
    assert {n["outcome"] for n in tired} == {"unavailable"}


def test_models_add_rows_to_a_suite_and_run_no_others(reading):
    reading(name="standard", metrics=["mark"])
    done, board, nodes = reading(name="standard", models=["abs*"], metrics=["mark", "pages_cost"])
    assert {n["entry"] for n in nodes} == {"reader", "reader+tired", "absent"}
    fresh = [n for n in nodes if n["step"] == "pages_cost" and n["outcome"] == "ok"]
    assert {n["entry"] for n in fresh} == {"absent"}
    assert board.loc[("reader", "mark"), "value"] > 0  # what is done counts
    assert done.exit_code == 0


def test_models_that_are_none_are_named(reading, tmp_path):
    with pytest.raises(UsageError, match=r"--models raeder: no such model of reading \(did you"):
        reading(models=["raeder"])
    opened, _ = open_suite(str(tmp_path / "reading.yaml"), ())
    assert rows_of(opened, ()) == ()
    assert rows_of(opened, ["reader"]) == ("reader", "reader+tired")


def test_published_numbers_come_with_a_suite(reading, tmp_path):
    (tmp_path / "quoted.csv").write_text(
        "# from two papers\n"
        "model,dataset,metric,value,unit,source\n"
        "Old Master,books,mark,9.5,,Smith 2001\n"
        'Newer,books,mark,"7",,\n'
    )
    _, board, _ = reading(published=["quoted.csv"])
    assert board.loc[("Old Master", "mark"), "value"] == 9.5
    assert board.loc[("Old Master", "mark"), "kind"] == "published"
    rows, _ = read_table(tmp_path / "results" / "reading" / "scores.parquet")
    sources = {r["entry"]: r["source"] for r in rows if r["kind"] == "published"}
    assert sources["Old Master"].startswith("Smith 2001 sha256:")
    assert sources["Newer"].startswith("quoted.csv sha256:")
    _, board, _ = reading(name="other")  # they are of that suite alone
    assert ("Old Master", "mark") not in board.index


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("model,dataset,metric\n", "quoted.csv:1: expected a column 'value'"),
        (
            "model,dataset,metric,value,untis\n",
            r"quoted.csv:1: unknown column 'untis' \(did you mean 'unit'",
        ),
        ("model,dataset,metric,value\n\na,b,c\n", "quoted.csv:3: 3 cells, expected 4"),
        ("model,dataset,metric,value\na,,c,1\n", "quoted.csv:2: dataset is empty"),
        ("model,dataset,metric,value\na,b,c,x\n", "quoted.csv:2: value is no number: 'x'"),
        ("model,dataset,metric,value\na,b,c,nan\n", "quoted.csv:2: value is not finite"),
        ("#\n", "quoted.csv: no line names the columns"),
    ],
)
def test_a_bad_table_is_one_line_and_nothing_is_run(reading, tmp_path, text, fault):
    (tmp_path / "quoted.csv").write_text(text)
    with pytest.raises(UsageError, match=fault):
        reading(published=["quoted.csv"])
    assert not (tmp_path / "results").exists()


def test_a_published_file_that_is_missing_is_a_fault_at_its_line(reading):
    with pytest.raises(UsageError, match=r"yaml:1:\d+ published file .* not exist"):
        reading(published=["none.csv"])


VOTES = """\
from harness import hookimpl, spec


@hookimpl
def harness_importers():
    return [spec.Importer(name="poll", read="votes:read")]


def read(path, data):
    if not data.startswith(b"votes"):
        raise ValueError("no votes")
    return [
        spec.PublishedScore(
            model="reader", dataset="books", metric="preference", value=0.5, joins=True,
            replicates=(0.4, 0.5, 0.6), n=30, better="higher", signature="votes|v1",
        ),
        spec.PublishedScore(
            model="nobody", dataset="books", metric="preference", value=0.1, joins=True
        ),
    ]
"""


def test_votes_stand_in_the_row_they_are_about(reading, tmp_path):
    (tmp_path / "votes.py").write_text(VOTES)
    (tmp_path / "poll.txt").write_text("votes")
    _, board, _ = reading(plugins=["extra.py", "votes.py"], published=["poll.txt"])
    row = board.loc[("reader", "preference")]
    assert (row["kind"], row["value"], row["n"]) == ("measured", 0.5, 30)
    assert row["low"] < 0.5 < row["high"]
    assert (row["better"], row["signature"]) == ("higher", "votes|v1")
    assert "poll.txt sha256:" in row["note"]
    assert board.loc[("nobody", "preference"), "kind"] == "published"
