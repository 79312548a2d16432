"""Real runs: samples are those of their pairs whatever the blocks and the jobs, variants run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness import load_board
from harness.api import open_suite, run_opened
from harness.store import Store
from harness.store.tables import read_table
from harness_plugins.generative.samples import Samples

pytestmark = pytest.mark.slow

COUNT = 12
DATA = {"count": COUNT, "train": 64, "reference": 32, "budget": 64}
PARAMS = {"widths": [8, 8, 16], "batch": 8}
POINTS = {"steps": [4]}


class Run:
    def __init__(self, folder, models, block, **options):
        suite = {
            "name": f"blocks{block}",
            "tasks": ["generative/text-to-image"],
            "datasets": [{"name": "shapes", "params": DATA | {"block": block}}],
            "models": models,
            "metrics": ["rule_accuracy", "tflops", "identity_kept", "quantized_weights_share"],
            "seeds": [0],
            "limits": {"seconds": 300, "memory": "3 GB"},
        }
        path = folder / f"blocks{block}.yaml"
        path.write_text(json.dumps(suite))
        opened, registry = open_suite(str(path), ())
        self.results, self.name, self.events = folder / "results", opened.name, []
        self.done = run_opened(
            opened, registry, results=self.results, emit=self.events.append, **options
        )

    def nodes(self, step):
        return [e for e in self.events if e["event"] == "node" and e["step"] == step]

    def samples(self):
        """Return the images of each entry by their prompt's number, its seed and the run's."""
        store, found = Store(self.results / "store"), {}
        for record in store.records.values():
            if "samples" not in record.get("artifacts", {}):
                continue
            about = record["about"]
            data = Path(store.artifact(record["artifacts"]["samples"][0])).read_bytes()
            made = Samples.load(data)
            first = int(about["item"][1:])
            rows = zip(made.prompts, made.seeds, made.images.bytes_(), strict=True)
            for place, (prompt, seed, image) in enumerate(rows, first):
                found[about["entry"], about["seed"], place] = (prompt, seed, image.tobytes())
        return found


def model(*variants, **more):
    return {
        "name": "shapes-diffusion",
        "params": PARAMS,
        "points": POINTS,
        "variants": list(variants),
    } | more


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    calibration = {"name": "shapes", "params": DATA | {"count": 4, "block": 1}}
    rows = [
        model(
            "base",
            "clockwork",
            {"clockwork": {"adaptor": "learned"}},
            "token-merging",
            {"w8a8": {"calibration": calibration}},
        ),
        model("base", label="two steps", points={"steps": [2]}),
        model(
            {"guidance-distilled": {"guidance": 2.0}},
            label="distilled",
            points={"steps": [4], "guidance": [2.0]},
        ),
    ]
    return Run(tmp_path_factory.mktemp("whole"), rows, COUNT, jobs=2)


def test_every_node_of_every_variant_ends_well(ran):
    bad = {
        (e["step"], e["entry"], e["outcome"], e["reason"])
        for e in ran.events
        if e["event"] == "node" and e["outcome"] not in ("ok", "skipped")
    }
    assert not bad
    assert ran.done.exit_code == 0
    skipped = {(e["step"], e["reason"]) for e in ran.events if e.get("outcome") == "skipped"}
    assert {step for step, _ in skipped} <= {"identity", "identity_kept"}


def test_one_training_serves_all_rows(ran):
    assert len({e["key"] for e in ran.nodes("fit")}) == 1


def test_accelerations_keep_their_identity_and_save_work(ran):
    board = load_board(ran.results / ran.name).set_index(["metric", "entry"])["value"]
    kept = board["identity_kept"].dropna()
    assert len(kept) == 4
    assert set(kept) == {1.0}
    work = board["tflops"]
    plain = next(name for name in work.index if "+" not in name and "(" in name)
    for name in work.index:
        if "clockwork" in name or "merging" in name:
            assert work[name] < work[plain], name
    assert work["distilled"] == pytest.approx(work[plain])
    assert work["two steps"] == pytest.approx(work[plain] / 2)
    for name, share in board["quantized_weights_share"].items():
        assert share > 0.5 if "w8a8" in name else share == 0


def test_each_row_has_images_of_its_own(ran):
    samples = ran.samples()
    entries = {entry for entry, _, _ in samples}
    assert len(entries) == 7
    for place in range(COUNT):
        same = {samples[entry, 0, place][:2] for entry in entries}
        assert len(same) == 1  # all rows sample the same pair
    whole = {
        entry: b"".join(samples[entry, 0, place][2] for place in range(COUNT)) for entry in entries
    }
    assert len(set(whole.values())) == 7


def test_an_image_is_the_same_bytes_in_other_blocks_and_by_one_job(ran, tmp_path):
    again = Run(tmp_path, [model("base", "clockwork")], 5, jobs=1)
    ours, theirs = ran.samples(), again.samples()
    assert len(theirs) == 2 * COUNT
    for pair, found in theirs.items():
        assert ours[pair] == found, pair


def test_scores_are_those_of_the_samples_one_by_one(ran):
    rows, _ = read_table(ran.results / ran.name / "scores.parquet")
    rules = [r for r in rows if r["metric"] == "rule_accuracy"]
    assert len(rules) == 7 * COUNT
    assert np.isin([r["value"] for r in rules], (0.0, 1.0)).all()
