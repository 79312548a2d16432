"""Devices, variants of any model, and measurements that stand beside an evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.api import open_suite
from harness.board import make_board
from harness.errors import UsageError

MACHINE = Path(__file__).resolve().parents[1] / "toy" / "machine.py"


@pytest.fixture
def machine(suite_of):
    def write(**changes):
        return suite_of(
            **{
                "name": "machine",
                "plugins": [str(MACHINE)],
                "tasks": ["machine/double"],
                "datasets": ["numbers"],
                "models": ["plain"],
                "metrics": ["error", "seconds"],
                "devices": [{"wheel": 4}],
            }
            | changes
        )

    return write


def faults(suite):
    with pytest.raises(UsageError) as caught:
        open_suite(str(suite), ())
    return caught.value.lines


def test_a_metric_of_a_device_stands_once_for_each(machine, run):
    done = run(machine(devices=[{"wheel": 4}, {"wheel": {"speed": 2}}, "wheel"]))
    rows = {r["metric"]: r for r in done.table("scores") if r["metric"].startswith("seconds")}
    assert {name: row["value"] for name, row in rows.items()} == {
        "seconds@wheel:4": 0.25,
        "seconds@wheel:2": 0.5,
        "seconds@wheel": 1.0,
    }
    assert rows["seconds@wheel:4"]["signature"] == "seconds|v1|simulated|wheel:4|each"


def test_measurements_read_the_first_item_and_seed(machine, run):
    done = run(machine(metrics=["seconds", "weight"], seeds=[0, 1]))
    steps = [e["step"] for e in done.ended]
    assert steps.count("double") == 6
    assert steps.count("drive@wheel:4") == steps.count("weigh") == 1
    [weight] = [r for r in done.table("scores") if r["metric"] == "weight"]
    assert (weight["value"], weight["item"], weight["seed"]) == (15.0, None, None)


def test_a_measurement_is_left_out_where_nothing_reads_it_and_is_no_time(machine, run):
    done = run(machine(metrics=["error"]))
    assert {e["step"] for e in done.ended} == {"double", "error"}
    assert {r["metric"] for r in done.table("scores")} == {"error", "double_seconds"}


def test_further_items_cost_no_second_measurement(machine, run):
    run(machine())
    again = run(machine(datasets=[{"name": "numbers", "params": {"count": 4}}]))
    assert [e["step"] for e in again.ran if e["item"] is None] == []


def test_a_device_has_a_folder_of_its_own(machine, run):
    done = run(machine())
    assert (done.results / "store" / "devices" / "wheel" / "log").read_text() == "10\n"


def test_a_failing_device_costs_its_own_column(machine, run):
    done = run(machine(devices=[{"wheel": {"fails": True}}, {"wheel": 0}, {"wheel": 4}]))
    ended = {e["step"]: (e["outcome"], e["reason"]) for e in done.ended if e["item"] is None}
    assert ended["drive@wheel:fails=True"][0] == "error"
    assert ended["drive@wheel:0"] == ("unavailable", "a wheel that stands; turn it")
    assert ended["seconds@wheel:4"][0] == "ok"


def test_faults_of_devices_are_told_with_their_place(machine):
    lines = faults(machine(devices=["wheal", {"wheel": {"sped": 1}}, {"wheel": -1}, {"road": 3}]))
    found = [line.partition(" devices")[2] for line in lines]
    assert found == [
        ".0: unknown device 'wheal' (did you mean 'wheel'?)",
        ".1: device 'wheel' has no parameter 'sped' (did you mean 'speed'?)",
        ".2: device 'wheel': speed -1: expected 1 or more",
        ".3: device 'road' has no parameter to be 3",
    ]


def test_what_has_to_be_alone_runs_beside_nothing(machine, run):
    done = run(
        machine(
            models=["plain", {"name": "plain", "variants": ["shifted"]}],
            devices=["road"],
            datasets=[{"name": "numbers", "params": {"count": 12}}],
        ),
        jobs=2,
    )
    spans = {"double": [], "drive@road": []}
    for node in done.table("nodes"):
        if node["step"] in spans:
            [digest] = {a[0] for a in node["artifacts"].values()}
            path = done.results / "store" / "artifacts" / digest[:2] / digest
            spans[node["step"]].append(json.loads(path.read_bytes())["span"])
    alone = spans["drive@road"]
    assert len(alone) == 2
    for start, end in alone:
        others = [s for s in (*spans["double"], *alone) if s != [start, end]]
        assert all(e <= start or s >= end for s, e in others)


def test_structure_is_had_without_weights(machine, run):
    done = run(machine(models=["heavy"], metrics=["error", "weight"]))
    ended = {e["step"]: e["outcome"] for e in done.ended}
    assert ended["double"] == "unavailable"
    [weight] = [r for r in done.table("scores") if r["metric"] == "weight"]
    assert weight["signature"] == "weight|v1|skeleton"


def test_a_variant_of_any_model_is_a_row(machine, run):
    done = run(
        machine(
            models=[
                {
                    "name": "plain",
                    "variants": [
                        "base",
                        "shifted",
                        {"shifted": {"by": 3}},
                        {"tuned": {"calibration": "numbers"}},
                    ],
                }
            ],
            metrics=["error"],
        )
    )
    rows = [r for r in done.table("scores") if r["metric"] == "error"]
    assert {r["entry"]: r["value"] for r in rows} == {
        "plain": 0,
        "plain+shifted": 1,
        "plain+shifted(by=3)": 3,
        "plain+tuned": 18,
    }


def test_calibration_items_are_part_of_the_key(machine, run):
    def variant(count):
        data = {"name": "numbers", "params": {"count": count}}
        return [{"name": "plain", "variants": [{"tuned": {"calibration": data}}]}]

    run(machine(models=variant(2), metrics=["error"]))
    again = run(machine(models=variant(3), metrics=["error"]))
    assert len([e for e in again.ran if e["step"] == "double"]) == 3


def test_faults_of_variants_are_told_with_their_place(machine):
    variants = ["shiftd", {"shifted": {"buy": 1}}, {"tuned": {}}, "foreign", {"base": {"a": 1}}]
    models = [{"name": "plain", "variants": [v]} for v in variants]
    found = [line.partition(" models")[2] for line in faults(machine(models=models))]
    assert found == [
        ".0: model 'plain' has no variant 'shiftd' (did you mean 'shifted'?)",
        ".1: variant 'shifted' has no parameter 'buy' (did you mean 'by'?)",
        ".2: variant 'tuned' is calibrated on data: write {tuned: {calibration: DATASET}}",
        ".3: variant 'foreign' suits codec, not 'machine'",
        ".4: variant 'base' of 'plain' takes no parameters",
    ]


def test_the_board_takes_the_interval_that_a_metric_gives(machine, run):
    suite = machine(board={"rank_by": "seconds@wheel:4"})
    done = run(suite)
    opened, _ = open_suite(str(suite), ())
    [table] = make_board(opened, done.results).tables
    cell = table.rows[0].cells["seconds@wheel:4"]
    assert cell.low == pytest.approx(0.2475, abs=2e-4)
    assert cell.high == pytest.approx(0.2525, abs=2e-4)
    assert (cell.n, cell.note) == (100, "by hand")
    assert table.rows[0].rank == (1, 1)


def test_panels_of_devices_are_drawn_for_each(machine, run):
    suite = machine(
        models=["plain", {"name": "plain", "variants": ["shifted"]}],
        devices=[{"wheel": 4}, "wheel"],
    )
    done = run(suite)
    board = make_board(open_suite(str(suite), ())[0], done.results)
    assert [panel.title for panel in board.fronts] == [
        "Error and time: wheel:4",
        "Error and time: wheel",
    ]
    first, second = board.parts
    assert (first.title, second.title) == ("Parts: wheel:4", "Parts: wheel")
    assert first.columns == ("part", "seconds", "where")
    assert first.words == ("NPU", "CPU")
    assert [f.entry for f in first.figures] == ["plain", "plain+shifted"]
    assert first.figures[0].lines[0]["seconds"] == 0.25


def test_exact_numbers_are_ranked_without_an_interval(machine, run):
    models = ["plain", {"name": "plain", "label": "too", "variants": ["shifted"]}]
    suite = machine(models=models, metrics=["error", "weight"], board={"rank_by": "weight"})
    done = run(suite)
    [table] = make_board(open_suite(str(suite), ())[0], done.results).tables
    cells = [row.cells["weight"] for row in table.rows]
    assert [cell.value for cell in cells] == [15.0, 15.0]
    assert all(cell.low != cell.low for cell in cells)
    assert [row.rank for row in table.rows] == [(1, 2), (1, 2)]


def test_a_glob_without_devices_leaves_out_what_is_measured_on_one(machine):
    suite, _ = open_suite(str(machine(metrics=["*"], devices=None)), ())
    assert [m.name for m in suite.metrics] == ["error", "weight"]
    assert [line.partition(" metrics")[2] for line in faults(machine(devices=None))] == [
        ".1: metric 'seconds' is measured on a device: say on which, e.g. devices: [host]"
    ]


def test_entries_are_compared_with_the_anchor(machine, run):
    models = [
        {"name": "plain", "variants": [{"shifted": {"by": 3}}]},
        {"name": "plain", "variants": ["base", "shifted"]},
    ]
    done = run(machine(models=models, metrics=["lead"], board={"anchor": "plain"}))
    steps = {e["entry"]: [] for e in done.ended}
    for e in done.ended:
        steps[e["entry"]].append(e["step"])
    assert "race@wheel:4" not in steps["plain"]
    rows = {r["entry"]: r["value"] for r in done.table("scores") if "lead" in r["metric"]}
    assert rows == {"plain+shifted(by=3)": 3.0, "plain+shifted": 1.0}
    [digest] = {
        artifact[0]
        for node in done.table("nodes")
        if node["step"] == "race@wheel:4" and node["entry"] == "plain+shifted"
        for artifact in node["artifacts"].values()
    }
    path = done.results / "store" / "artifacts" / digest[:2] / digest
    assert json.loads(path.read_bytes()) == {"values": [11, 10], "shifts": [1, 0], "at": {}}


def test_without_an_anchor_nothing_is_compared(machine, run):
    done = run(machine(metrics=["error", "lead"]))
    assert {e["step"] for e in done.ended} == {"double", "error"}


def test_an_anchor_that_is_missing_takes_its_comparisons_along(machine, run):
    done = run(machine(models=["heavy", "plain"], metrics=["lead"], board={"anchor": "heavy"}))
    ended = {(e["entry"], e["step"]): e["outcome"] for e in done.ended}
    assert ended["plain", "race@wheel:4"] == ended["plain", "lead@wheel:4"] == "unavailable"
    assert ended["plain", "double"] == "ok"


def test_another_anchor_is_another_comparison(machine, run):
    models = [{"name": "plain", "variants": ["base", "shifted", {"shifted": {"by": 3}}]}]
    run(machine(models=models, metrics=["lead"], board={"anchor": "plain"}))
    again = run(machine(models=models, metrics=["lead"], board={"anchor": "plain+shifted"}))
    assert sorted(e["entry"] for e in again.ran if e["step"] == "race@wheel:4") == [
        "plain",
        "plain+shifted(by=3)",
    ]


def test_parameters_that_change_no_number_make_no_second_measurement(machine, run):
    run(machine(devices=[{"wheel": {"speed": 4, "patience": 1}}]))
    again = run(machine(devices=[{"wheel": 4}]))
    assert again.ran == []
    assert "seconds@wheel:4" in {r["metric"] for r in again.table("scores")}


def test_a_number_that_its_metric_calls_unranked_is_shown_and_not_ranked(machine, run):
    suite = machine(devices=["wheel"], board={"rank_by": "seconds@wheel"})
    done = run(suite)
    [table] = make_board(open_suite(str(suite), ())[0], done.results).tables
    [row] = table.rows
    cell = row.cells["seconds@wheel"]
    assert (row.rank, row.unranked) == (None, "too slow; by hand")
    assert cell.value == 1.0
    assert cell.low < 1 < cell.high
    assert not cell.best


def test_tables_hold_the_entries_of_their_family_alone(machine, run, toy):
    suite = machine(
        plugins=[str(MACHINE), str(toy)],
        tasks=["machine/double", "toy/squeeze"],
        datasets=["numbers", {"name": "words", "params": {"count": 2}}],
        models=["plain", "heavy", "zip"],
        metrics=["error", "size"],
    )
    done = run(suite)
    tables = make_board(open_suite(str(suite), ())[0], done.results).tables
    assert {table.dataset: [row.entry for row in table.rows] for table in tables} == {
        "numbers": ["plain", "heavy"],
        "words(count=2)": ["zip"],
    }
