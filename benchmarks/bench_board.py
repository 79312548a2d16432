"""A board of 1,000 models and 24 columns: size, time to build, time to sort in Chromium.

Bars: at most 1 MB, 2 s of CPU to build, 50 ms to sort. Prints one line for each. The page is
measured twice: alone, and as the last step of the road from score rows on 8 items to
``board.parquet`` and ``board.html``. The tables of ten trained policies are measured too:
8 metrics of 2,000 episodes under 3 seeds, at most 3 s of CPU.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from harness.board.build import build_tables
from harness.board.html import render_html
from harness.board.model import Board, Cell, Column, Row, Table
from harness.board.write import board_rows
from harness.spec import Dataset, Metric, Model
from harness.store.tables import write_table
from harness.suite import BoardForm, Entry, Limits, Suite, SuiteDataset

MODELS, COLUMNS, ITEMS = 1000, 24, 8


def large_board(models: int = MODELS, columns: int = COLUMNS) -> Board:
    """Return a board of invented numbers: every cell with an interval, some without a value."""
    rng = random.Random(20261120)
    heads = tuple(
        Column(
            name=f"metric_{k:02d}",
            unit=("dB", "%", "s", "")[k % 4],
            better="higher" if k % 2 else "lower",
            digits=2 + k % 2,
            summary=f"what metric {k} measures",
        )
        for k in range(columns)
    )
    signatures = {c.name: f"{c.name}|rgb|8bit|v1" for c in heads}
    rows = []
    for place in range(models):
        cells = {}
        for k, column in enumerate(heads):
            value = rng.uniform(-40, 40) if k % 4 == 1 else rng.uniform(0, 60)
            spread = rng.uniform(0.1, 0.9)
            cells[column.name] = Cell(
                value=value,
                low=value - spread * 1.1,
                high=value + spread * 0.9,
                n=24,
                signature=signatures[column.name],
                best=rng.random() < 0.005,
            )
        if place % 50 == 7:
            cells[heads[0].name] = Cell(value=float("nan"), note="overlap 61 %, needs 75 %")
        rows.append(
            Row(
                entry=f"model-{place:04d} [width={place % 7 * 32}, depth={place % 5}]",
                model=f"model-{place:04d}",
                params={"width": place % 7 * 32, "depth": place % 5},
                licence="Apache-2.0",
                rank=None if place % 50 == 7 else (max(1, place - 2), place + 3),
                unranked="no value" if place % 50 == 7 else "",
                cells=cells,
                environments=("a1b2c3d4",),
            )
        )
    return Board(
        name="large",
        title="A thousand models",
        rank_by=heads[0].name,
        columns=heads,
        tables=(Table(dataset="kodak", items=24, rows=tuple(rows)),),
        signatures={name: (text,) for name, text in signatures.items()},
        environments={"a1b2c3d4": {"python": "3.11"}},
    )


def score_rows(models: int = MODELS, columns: int = COLUMNS) -> list[dict[str, object]]:
    """Return the rows of a ``scores`` table of invented numbers."""
    values = random.Random(20261121)
    point: dict[str, object] = {}
    return [
        {
            "kind": "measured",
            "metric": f"metric_{k:02d}",
            "value": values.gauss(30 + 0.01 * place, 2),
            "signature": f"metric_{k:02d}|v1",
            "entry": f"model-{place:04d}",
            "dataset": "photos",
            "item": f"photo-{i}",
            "point": point,
            "seed": None,
            "environment": "a1b2c3d4",
            "source": None,
        }
        for place in range(models)
        for k in range(columns)
        for i in range(ITEMS)
    ]


def large_suite(models: int = MODELS, columns: int = COLUMNS) -> Suite:
    """Return the suite that such scores are of."""
    dataset = Dataset(name="photos", provides="image", index="x:y", load="x:y")
    return Suite(
        name="large",
        title="A thousand models",
        summary="",
        path="large.yaml",
        digest="0" * 64,
        tasks=(),
        datasets=(SuiteDataset(dataset=dataset, params={}),),
        entries=tuple(
            Entry(
                label=f"model-{n:04d}",
                model=Model(name=f"model-{n:04d}", family="lab", factory="x:y"),
                params={},
                points=({},),
            )
            for n in range(models)
        ),
        metrics=tuple(
            Metric(
                name=f"metric_{k:02d}",
                factory="x:y",
                inputs=(),
                signature=f"metric_{k:02d}|v1",
                better="higher" if k % 2 else "lower",
            )
            for k in range(columns)
        ),
        derived=(),
        seeds=(0,),
        devices=("host",),
        limits={"": Limits()},
        board=BoardForm(rank_by="metric_01"),
    )


def from_scores(folder: Path, models: int = MODELS) -> dict[str, float]:
    """Return the CPU seconds from score rows to both files, and of each step on the way."""
    rows, suite = score_rows(models), large_suite(models)
    spent = {}
    start = last = time.process_time()

    def lap(name: str) -> None:
        nonlocal last
        now = time.process_time()
        spent[f"scores_{name}_cpu_s"], last = round(now - last, 3), now

    board, _ = build_tables(suite, rows, [], {"photos": ITEMS})
    lap("tables")
    page = render_html(board)
    lap("page")
    (folder / "board.html").write_text(page, encoding="utf-8")
    write_table(folder / "board.parquet", "board", board_rows(board), {})
    lap("write")
    return spent | {"scores_all_cpu_s": round(time.process_time() - start, 3)}


def of_episodes(entries: int = 10, columns: int = 8, blocks: int = 80, seeds: int = 3) -> float:
    """Return the CPU seconds to the tables of scores per element, 25 for each of the blocks."""
    values, point = random.Random(20261123), {}
    ids = [f"block{n // 25:02}:{n % 25:02}" for n in range(25 * blocks)]
    rows = [
        {
            "kind": "measured",
            "metric": f"metric_{k:02d}",
            "value": values.gauss(30 + 0.1 * place + 0.05 * seed, 2),
            "signature": f"metric_{k:02d}|v1",
            "entry": f"model-{place:04d}",
            "dataset": "photos",
            "item": item,
            "point": point,
            "seed": seed,
            "environment": "a1b2c3d4",
            "source": None,
        }
        for place in range(entries)
        for k in range(columns)
        for seed in range(seeds)
        for item in ids
    ]
    suite = large_suite(entries, columns)
    suite = replace(suite, metrics=tuple(replace(m, per="element") for m in suite.metrics))
    start = time.process_time()
    build_tables(suite, rows, [], {"photos": blocks})
    return round(time.process_time() - start, 3)


# Sorts by a different column each time, and reads a length so that the layout is paid for too.
SORT = """() => {
  const spent = [];
  for (let k = 3; k < 12; k++) {
    const button = document.querySelectorAll("#t0 thead button")[k];
    const start = performance.now();
    button.click();
    const script = performance.now() - start;
    document.body.getBoundingClientRect();
    spent.push([script, performance.now() - start]);
  }
  return spent;
}"""


def sort_times(page_file: Path, chromium: str) -> list[tuple[float, float]]:
    """Return script time and script-and-layout time of nine sorts, in ms."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(page_file.as_uri())
        found = page.evaluate(SORT)
        browser.close()
    return [(a, b) for a, b in found]


def main() -> None:
    """Measure and print; ``--json`` for one JSON object."""
    board = large_board()
    render_html(large_board(2, 2))  # imports are not part of the time to build
    start = time.process_time()
    page = render_html(board)
    result: dict[str, object] = {
        "models": MODELS,
        "columns": COLUMNS,
        "build_cpu_s": round(time.process_time() - start, 3),
        "size_bytes": len(page.encode()),
    }
    with tempfile.TemporaryDirectory() as folder:
        from_scores(Path(folder), models=3)
        result |= from_scores(Path(folder))
    result["episodes_tables_cpu_s"] = of_episodes()
    chromium = shutil.which("chromium")
    if chromium:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "board.html"
            file.write_text(page, encoding="utf-8")
            times = sort_times(file, chromium)
        whole = sorted(t for _, t in times)
        result["sort_ms_least"] = round(whole[0], 1)  # what it takes where nothing else runs
        result["sort_ms_median"] = round(whole[len(whole) // 2], 1)
        result["sort_ms_worst"] = round(whole[-1], 1)
        result["sort_script_ms_median"] = round(sorted(s for s, _ in times)[len(times) // 2], 1)
    else:
        result["sort_ms_median"] = None  # no Chromium: not measured
    if "--json" in sys.argv:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:22} {'not measured' if value is None else value}")


if __name__ == "__main__":
    main()
