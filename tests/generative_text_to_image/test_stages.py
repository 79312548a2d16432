"""The steps of the task through real workers: what each leaves and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.cost import Component, NotMeasuredError, Run
from harness.store import Store
from harness_plugins.generative.images import InvalidImagesError
from harness_plugins.generative.interface import InvalidOutputError, Lacking
from harness_plugins.generative.prompts import Prompts, load, pair_seeds
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.shape_rules import UnknownPromptError
from harness_plugins.generative.shapes import Shapes, index
from harness_plugins.generative.text_to_image import TASK, features, stages

PAINTERS = """\
import numpy as np

from harness import Model, Resource, hookimpl
from harness_plugins.generative.shapes import COLOURS, SHAPES, draw

NAMES = ("exact", "few", "small", "floats", "grey", "black", "nothing", "raises",
         "diverging", "trained")


@hookimpl
def harness_models():
    weights = (Resource(name="w.pt", url="http://127.0.0.1:9/w.pt", sha256=64 * "0", size=9),)
    models = [
        Model(name=name, family="generative", factory=f"painters:{name.capitalize()}")
        for name in NAMES
    ]
    absent = Model(
        name="absent", family="generative", factory="painters:Exact", weights=weights
    )
    return [*models, absent]


class Exact:
    def generate(self, prompts, seeds, point):
        words = [text.split() for text in prompts]
        colours = np.array([list(COLOURS).index(colour) for colour, _ in words])
        shapes = np.array([SHAPES.index(shape) for _, shape in words])
        radii = 4 + np.array(seeds) % 200 / 100
        return draw(colours, shapes, np.full((len(words), 2), 8.0), radii)

    def settings(self, point):
        return {"sampler": "ruler"}


class Few(Exact):
    def generate(self, prompts, seeds, point):
        return super().generate(prompts, seeds, point)[1:]


class Small(Exact):
    def generate(self, prompts, seeds, point):
        return super().generate(prompts, seeds, point)[:, ::2, ::2]


class Floats(Exact):
    def generate(self, prompts, seeds, point):
        return super().generate(prompts, seeds, point) / 255


class Grey(Exact):
    def generate(self, prompts, seeds, point):
        return super().generate(prompts, seeds, point)[..., 0]


class Black(Exact):
    def generate(self, prompts, seeds, point):
        made = super().generate(prompts, seeds, point)
        made[[3, 5]] = 0
        return made


class Nothing(Exact):
    def generate(self, prompts, seeds, point):
        return None


class Raises(Exact):
    def generate(self, prompts, seeds, point):
        raise RuntimeError("out of paint")


class Diverging(Exact):
    def generate(self, prompts, seeds, point):
        from harness_plugins.generative_diffusers.sampling import finite, noise

        latents, _ = noise((3, 16, 16), seeds)
        return finite(latents / 0 * 0, "latents").numpy()


class Trained(Exact):
    def fit(self, data, seed, budget):
        return repr((sorted(data), len(data["images"]), seed, budget)).encode()

    def load(self, checkpoint):
        self.told = checkpoint.decode()

    def settings(self, point):
        return {"told": self.told}
"""
BAD = {
    "few": ("invalid", "generate() gave 15 images for 16 prompts"),
    "small": ("invalid", "generate() gave images of 8x8, not 16x16"),
    "floats": ("invalid", "generate(): expected uint8 in 0…255, got float64"),
    "grey": ("invalid", "generate(): expected (n, H, W, 3), got (16, 16, 16)"),
    "nothing": ("invalid", "generate(): expected uint8 in 0…255, got object"),
    "raises": ("error", "out of paint"),
    "diverging": ("nonfinite", "latents are not finite"),
}


@pytest.mark.slow
def test_each_painter_ends_as_it_should_and_costs_no_other_its_row(run_of):
    names = ["exact", "trained", "absent", "black", *BAD]
    run = run_of(PAINTERS, names)
    ended = {
        name: {(e["outcome"], e["reason"]) for e in run.nodes("generate") if e["entry"] == name}
        for name in names
    }
    assert ended["exact"] == ended["trained"] == {("ok", "")}
    for name, (outcome, reason) in BAD.items():
        [(found, said)] = ended[name]
        assert found == outcome
        assert reason in said
        assert "\n" not in said
    said = "image 3 ({!r}) is all black, as a safety checker leaves it; 2 of 16 are"
    asked = [load(item, None).prompts for item in index(**_params())]
    assert ended["black"] == {("invalid", said.format(prompts[3])) for prompts in asked}
    [(outcome, reason)] = ended["absent"]
    assert outcome == "unavailable"
    assert "harness weights pull absent" in reason
    accuracy = [r for r in run.table("scores") if r["metric"] == "rule_accuracy"]
    assert {r["entry"] for r in accuracy} == {"exact", "trained"}
    assert {r["value"] for r in accuracy} == {1.0}
    assert len(accuracy) == 2 * 32
    assert run.done.exit_code == 3


def _params():
    return {"count": 32, "block": 16, "train": 64, "reference": 32, "budget": 64, "seed": 0}


def test_samples_are_kept_with_prompts_seeds_and_settings(run_of):
    run = run_of(PAINTERS, ["trained"], seeds=[4, 9])
    store = Store(run.results / "store")
    found = {
        (r["about"]["item"], r["about"]["seed"]): Samples.load(
            Path(store.artifact(r["artifacts"]["samples"][0])).read_bytes()
        )
        for r in store.records.values()
        if "samples" in r.get("artifacts", {})
    }
    assert len(found) == 4
    for item in index(**_params()):
        block = load(item, None)
        for seed in (4, 9):
            samples = found[item.id, seed]
            assert samples.prompts == block.prompts
            assert samples.seeds == pair_seeds(block, seed)
            told = ["budget", "images", "prompts"]
            assert samples.settings == {"told": repr((told, 64, seed, 64))}


def test_a_dataset_without_pictures_has_nothing_to_learn_from_or_to_judge(run_of, tmp_path):
    (tmp_path / "texts.txt").write_text("a cat\na dog\n")
    datasets = [
        {"name": "prompt_file", "params": {"path": str(tmp_path / "texts.txt"), "size": 16}}
    ]
    source = PAINTERS.replace("words = [text.split() for text in prompts]", "words = WORDS")
    source += '\nWORDS = [("red", "plus")] * 2\n'
    run = run_of(source, ["exact", "trained"], datasets=datasets)
    assert {(e["entry"], e["outcome"]) for e in run.nodes("generate")} == {("exact", "ok")} | {
        ("trained", "skipped")
    }
    assert {(e["outcome"], e["reason"]) for e in run.nodes("fit")} == {
        ("ok", ""),
        ("skipped", "the dataset has nothing to learn from"),
    }
    [verdict] = [e for e in run.nodes("verdicts") if e["entry"] == "exact"]
    assert verdict["outcome"] == "skipped"
    assert "'a cat' does not say one of red" in verdict["reason"]
    assert run.done.exit_code in (0, 5)


# --- the steps, called as the worker calls them ---


def block(count=4, **changed) -> Prompts:
    return load(index(**_params() | {"count": count, "block": count} | changed)[0], None)


def painter(**methods) -> SimpleNamespace:
    return SimpleNamespace(**methods)


def test_what_is_learned_from_is_what_the_dataset_says():
    training = stages.collect(None, {"prompts": [block(), block(2)]}, None, None)["training"]
    drawn = Shapes(64, 32, 64, 0).training()
    np.testing.assert_array_equal(training["images"], drawn["images"])
    assert list(training["prompts"]) == drawn["prompts"]
    assert training["budget"] == 64
    bare = Prompts(("a cat",), (1,))
    assert stages.collect(None, {"prompts": [bare]}, None, None) == {"training": {"budget": 0}}


def test_a_variant_adapts_the_model_that_was_learned():
    calls = []
    model = painter(
        load=lambda data: calls.append(("load", data)),
        adapt=lambda data, seed, budget: calls.append(("adapt", seed, budget)) or b"more",
    )
    inputs = {"checkpoint": b"all", "training": {"images": np.zeros(1), "budget": np.int64(5)}}
    assert stages.adapt(model, inputs, None, 3) == {"adapted": b"more"}
    assert calls == [("load", b"all"), ("adapt", 3, 5)]
    assert stages.adapt(painter(), inputs, None, 3) == {"adapted": b""}
    with pytest.raises(Lacking, match="nothing to learn from"):
        stages.adapt(model, inputs | {"training": {"budget": np.int64(0)}}, None, 3)


def test_what_was_learned_is_loaded_before_anything_is_made():
    calls = []
    model = painter(
        load=calls.append,
        load_adapted=calls.append,
        generate=lambda prompts, seeds, point: np.full((len(prompts), 16, 16, 3), 9, np.uint8),
    )
    given = block()
    stages.generate(model, {"prompts": given, "checkpoint": b"a", "adapted": b"b"}, {}, 0)
    assert calls == [b"a", b"b"]
    stages.generate(model, {"prompts": given, "checkpoint": b"", "adapted": b""}, {}, 0)
    assert calls == [b"a", b"b"]


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (np.zeros((3, 16, 16, 3), np.uint8), InvalidOutputError),
        (np.zeros((4, 16, 16, 3), np.uint8), InvalidOutputError),
        (np.ones((4, 8, 16, 3), np.uint8), InvalidOutputError),
        (np.ones((4, 16, 16, 3), np.float32), InvalidImagesError),
        (np.ones((4, 16, 16, 4), np.uint8), InvalidImagesError),
    ],
)
def test_bad_images_are_invalid(made, error):
    model = painter(generate=lambda *_: made)
    with pytest.raises(error) as raised:
        stages.generate(model, {"prompts": block()}, {}, 0)
    assert raised.value.outcome == "invalid"


def test_where_a_dataset_leaves_the_size_open_any_size_is_good():
    free = Prompts(("a cat", "a dog"), (1, 2))
    model = painter(generate=lambda *_: np.ones((2, 24, 40, 3), np.uint8))
    samples = stages.generate(model, {"prompts": free}, {}, 0)["samples"]
    assert samples.images.size == (24, 40)


def test_an_identity_is_kept_or_not_by_the_largest_difference():
    base = np.full((8, 16, 16, 3), 100, np.uint8)
    other = base.copy()
    other[7, 3, 3, 1] = 97

    def compared(after):
        pair = painter(generate=lambda *_: base), painter(generate=lambda *_: after)
        model = painter(identity=lambda: pair)
        return stages.identity(model, {"prompts": block(16)}, {}, 0)["identity"]

    assert compared(base) == {"kept": True, "images": 8, "most": 0}
    assert compared(other) == {"kept": False, "images": 8, "most": 3}
    with pytest.raises(Lacking, match="not accelerated"):
        stages.identity(painter(), {"prompts": block(16)}, {}, 0)


def test_verdicts_stand_beside_their_prompts():
    given = block(16)
    images = Shapes(64, 32, 0, 0).training()["images"][:16]
    samples = stages.generate(painter(generate=lambda *_: images), {"prompts": given}, {}, 0)
    found = stages.verdicts(None, samples, None, None)["verdicts"]
    assert [v["prompt"] for v in found] == list(given.prompts)
    assert all(set(v) == {"prompt", "colour", "shape", "right", "reason"} for v in found)
    assert all(v["right"] == (not v["reason"]) for v in found)
    json.dumps(found)  # plain data


def test_verdicts_on_other_prompts_are_skipped():
    free = Prompts(("a cat",), (1,))
    made = painter(generate=lambda *_: np.ones((1, 16, 16, 3), np.uint8))
    samples = stages.generate(made, {"prompts": free}, {}, 0)
    with pytest.raises(UnknownPromptError):
        stages.verdicts(None, samples, None, None)


def test_pixels_are_means_of_equal_parts(real):
    images, _ = real
    found = features.pixels(images)
    assert found.shape == (1000, 192)
    whole = images.bytes_().astype(np.float64) / 255
    np.testing.assert_allclose(found[:, :3], whole[:, :2, :2].mean(axis=(1, 2)), atol=1e-6)
    np.testing.assert_allclose(found.mean(), whole.mean(), atol=1e-5)
    odd = type(images).of(np.zeros((1, 12, 16, 3), np.uint8))
    with pytest.raises(InvalidImagesError, match="12x16 have no 8x8 equal parts"):
        features.pixels(odd)


def test_features_of_further_pictures_need_a_dataset_that_has_them():
    inputs = {"prompts": [block()]}
    assert features.reference_pixels(None, inputs, None, None)["reference_pixels"].shape == (
        32,
        192,
    )
    further = features.further_pixels(None, inputs, None, None)["further_pixels"]
    assert not np.array_equal(
        further, features.reference_pixels(None, inputs, None, None)["reference_pixels"]
    )
    source = {"ref": f"{__name__}:Once", "params": {}}
    once = {"prompts": [Prompts(("a cat",), (1,), None, source)]}
    with pytest.raises(Lacking, match="no further real images"):
        features.further_pixels(None, once, None, None)
    with pytest.raises(AttributeError, match="no attribute 'features_'"):
        features.features_  # noqa: B018


class Once:
    """A source that has a reference and nothing more."""

    signature = "once"

    def reference(self):
        yield from Shapes(16, 4, 0, 0).reference()


class Bench:
    def measure(self, components):
        outputs = {c.name: np.zeros(1, np.float32) for c in components}
        return Run(record={"components": [{"name": c.name} for c in components]}, outputs=outputs)

    def compare(self, first, second):
        return {"first": [c.name for c in first], "second": [c.name for c in second]}


def test_cost_is_that_of_one_prompt():
    torch = pytest.importorskip("torch")
    asked = []

    def components(one, point):
        asked.append(one)
        module = torch.nn.Linear(3, 5, bias=False)
        return [Component(name=str(point["steps"]), module=module, inputs=[torch.ones(1, 3)])]

    model, given = painter(components=components), block(16)
    inputs = {"prompts": given, "checkpoint": b"", "adapted": b""}
    found = stages.cost(model, inputs, {"steps": 2}, None)["cost"]["components"]
    assert [sum(part["macs"]["dense"].values()) for part in found] == [15]
    assert (asked[0].prompts, asked[0].seeds) == (given.prompts[:1], given.seeds[:1])
    run = stages.device(model, inputs, {"steps": 3}, None, Bench())["device_run"]
    assert run["components"] == [{"name": "3"}]
    against = (model, inputs, {"steps": 4})
    pairs = stages.pair(model, inputs, {"steps": 5}, None, Bench(), against)["device_pairs"]
    assert pairs == {"first": ["4"], "second": ["5"]}
    with pytest.raises(NotMeasuredError, match=r"no components\(\)"):
        stages.cost(painter(), inputs, {}, None)


def test_no_stage_of_a_model_sees_the_reference_or_another_models_samples():
    made = {a.name for stage in TASK.stages if not stage.model for a in stage.outputs}
    for stage in (s for s in TASK.stages if s.model):
        seen = {*stage.inputs, *stage.privileged} & (made | {"samples"})
        assert seen <= {"training"}, stage.name
