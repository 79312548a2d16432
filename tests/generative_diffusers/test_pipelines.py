"""Pipelines of diffusers as models: tiny networks in the published forms of files."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from harness import Unavailable, load_board
from harness.api import run
from harness.cost.stages import measure_cost
from harness.store.tables import read_table
from harness_plugins.generative.prompts import Prompts
from harness_plugins.generative_diffusers import stable_diffusion
from harness_plugins.generative_diffusers.accelerations import clockwork, token_merging
from harness_plugins.generative_diffusers.pipeline_files import check, folder_digest
from harness_plugins.generative_diffusers.pipelines import UNetPipeline, open_pipeline
from harness_plugins.generative_diffusers.stable_diffusion import tokenizer

POINT = {"steps": 4, "guidance": 5.0, "scheduler": "ddim"}
PROMPTS, SEEDS = ["a cat", "two red dogs in the snow", "nothing"], [3, 4, 5]
OPEN = {"id": "", "revision": "", "remote_code": False, "size": 32, "batch": 2, "dtype": "float32"}
_UNET = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (8, 16, 16),
    "layers_per_block": 1,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}
_VAE = {
    "block_out_channels": (8, 8, 8),
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "sample_size": 32,
}
_TEXT = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": 16,
}


@pytest.fixture
def small(monkeypatch):
    """Make Stable Diffusion tiny: its configurations, not its code."""
    monkeypatch.setattr(stable_diffusion, "configuration", lambda _: dict(_UNET))
    monkeypatch.setattr(stable_diffusion, "_AUTOENCODER", stable_diffusion._AUTOENCODER | _VAE)
    monkeypatch.setattr(stable_diffusion, "_TEXT", stable_diffusion._TEXT | _TEXT)


@pytest.fixture
def networks(small):
    """Return tiny networks with weights, seed 0."""
    torch.manual_seed(0)
    made = stable_diffusion._networks()
    for module in made.values():
        module.to_empty(device="cpu")
        for value in module.buffers():
            value.copy_(torch.arange(value.shape[-1]).expand(value.shape))
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, 0, 0.3)
    return made


@pytest.fixture
def folder(networks, tmp_path):
    """Write the pipeline of the networks as diffusers does; its folder."""
    model = stable_diffusion._assembled(networks, 32, 2)
    model.pipeline.save_pretrained(tmp_path / "pipeline", safe_serialization=True)
    return tmp_path / "pipeline"


@pytest.fixture
def opened(folder):
    return open_pipeline(**OPEN, folder=str(folder), sha256=folder_digest(folder))


def test_the_tokenizer_is_clips_own():
    from open_clip import tokenize

    texts = ["a photo of a cat, jumping!", "Two  red\nDOGS' tails: 12,000", "word " * 100, ""]
    given = tokenizer()(texts, padding="max_length", max_length=77, truncation=True)["input_ids"]
    ours = np.array(given)
    theirs = tokenize(texts).numpy()
    ends = theirs.argmax(axis=1)
    for row, (own, other, end) in enumerate(zip(ours, theirs, ends, strict=True)):
        assert own[: end + 1].tolist() == other[: end + 1].tolist(), texts[row]
        assert set(own[end:]) == {49407}  # stable diffusion fills with the end, open_clip with 0


def test_three_files_in_their_published_form_make_the_pipeline(
    networks, folder, tmp_path, monkeypatch
):
    """Old names of attention, a prefix and the positions of text: as the hub's files have them."""
    files = {}
    for name, module in networks.items():
        state = {k: v.contiguous() for k, v in module.state_dict().items()}
        if name == "vae":
            for new, old in (
                ("to_q", "query"),
                ("to_k", "key"),
                ("to_v", "value"),
                ("to_out.0", "proj_attn"),
            ):
                state = {k.replace(f".{new}.", f".{old}."): v for k, v in state.items()}
        if name == "text_encoder":
            state = {f"text_model.{k}": v for k, v in state.items()}
            state["text_model.embeddings.position_ids"] = torch.arange(77)[None]
        files[name] = tmp_path / f"{name}.safetensors"
        save_file(state, files[name])
    monkeypatch.setattr(
        stable_diffusion,
        "resource_path",
        lambda _, resource, remedy: files[
            {"sd15-unet": "unet", "sd15-vae": "vae"}.get(
                resource.name.split(".")[0], "text_encoder"
            )
        ],
    )
    made = stable_diffusion.stable_diffusion_15(size=32, batch=2, dtype="float32")
    by_diffusers = open_pipeline(**OPEN, folder=str(folder), sha256=folder_digest(folder))
    images = made.generate(PROMPTS, SEEDS, POINT)
    assert images.shape == (3, 32, 32, 3)
    assert images.std() > 1
    assert np.array_equal(images, by_diffusers.generate(PROMPTS, SEEDS, POINT))
    save_file(dict(torch.nn.Linear(2, 2).state_dict()), files["unet"])
    with pytest.raises(RuntimeError, match=r"sd15-unet\.safetensors is not that of its network: "):
        stable_diffusion.stable_diffusion_15(size=32, batch=2, dtype="float32")


def test_images_belong_to_their_prompt_and_seed(opened):
    together = opened.generate(PROMPTS, SEEDS, POINT)
    for place, (text, seed) in enumerate(zip(PROMPTS, SEEDS, strict=True)):
        assert np.array_equal(opened.generate([text], [seed], POINT)[0], together[place])
    assert not np.array_equal(together[0], opened.generate(PROMPTS[:1], [99], POINT)[0])


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda model: clockwork(model, (), 2, 1, "identity"),
        lambda model: token_merging(model, (), 0.5),
    ],
)
def test_accelerations_take_the_unets_place_and_leave_it(opened, wrapped):
    unet, before = opened.unet, opened.generate(PROMPTS, SEEDS, POINT)
    made = wrapped(opened)
    cheaper = made.generate(PROMPTS, SEEDS, POINT)
    assert not np.array_equal(cheaper, before)
    assert np.array_equal(made.generate(PROMPTS, SEEDS, POINT), cheaper)  # no state is left
    plain, nothing = made.identity()
    assert np.array_equal(nothing.generate(PROMPTS, SEEDS, POINT), before)
    assert np.array_equal(plain.generate(PROMPTS, SEEDS, POINT), before)
    assert opened.unet is unet


def test_cost_is_counted_by_step_and_falls_under_a_clock(opened):
    item = Prompts(("a cat",), (1,))
    parts = {p["name"]: p for p in measure_cost(opened.components(item, POINT))["components"]}
    assert [(p["step"], p["calls"]) for p in parts.values()] == [
        ("prompt", 2),
        ("denoise", 4),
        ("decode", 1),
    ]
    assert parts["unet"]["inputs"]["0"][0] == 2  # guided: a batch of two
    alone = opened.components(item, {**POINT, "guidance": 1.0})
    assert [p.calls for p in alone] == [1, 4, 1]

    def work(components):
        found = measure_cost(components)["components"]
        return sum(
            p["calls"] * sum(p["macs"]["dense"].values()) for p in found if p["step"] == "denoise"
        )

    clocked = clockwork(opened, (), 2, 1, "identity")
    assert work(clocked.components(item, POINT)) < work(opened.components(item, POINT))


def test_the_real_one_costs_what_is_published():
    model = stable_diffusion.skeleton(size=512, batch=1, dtype="float32")
    found = measure_cost(model.components(Prompts(("a",), (1,)), POINT))
    unet = next(p for p in found["components"] if p["name"] == "unet")
    dense = unet["macs"]["dense"]
    assert unet["parameters"] == 859_520_964
    assert math.isclose(
        2 * (sum(dense.values()) - dense["attention"]) / 1e12, 1.3544, abs_tol=1e-4
    )
    assert {p["name"]: p["parameters"] for p in found["components"]}["text encoder"] == 123_060_480


def test_latents_that_are_not_finite_have_an_outcome(opened):
    with torch.no_grad():
        next(opened.unet.parameters()).fill_(float("nan"))
    with pytest.raises(ArithmeticError, match="latents after step 1 are not finite") as raised:
        opened.generate(PROMPTS, SEEDS, POINT)
    assert raised.value.outcome == "nonfinite"


def test_a_pipeline_without_a_unet_is_run_as_it_is(opened):
    class Flat:
        scheduler = opened.pipeline.scheduler
        dtype = torch.float32

        def set_progress_bar_config(self, **_):
            pass

        def __call__(self, prompt, generator, height, width, **_):
            from types import SimpleNamespace

            drawn = [torch.rand(height, width, 3, generator=g).numpy() for g in generator]
            return SimpleNamespace(images=np.stack(drawn))

    from harness_plugins.generative_diffusers.pipelines import as_model

    model = as_model(Flat(), 16, 2, {})
    assert not isinstance(model, UNetPipeline)
    assert model.generate(PROMPTS, SEEDS, POINT).shape == (3, 16, 16, 3)


@pytest.mark.parametrize(
    ("changes", "error", "line"),
    [
        ({}, Unavailable, "no pipeline is named; name it in the suite"),
        ({"id": "a/b", "folder": "x"}, ValueError, "by id or by folder, not by both"),
        ({"id": "a/b"}, ValueError, "revision must be the commit of its snapshot, 40 hex digits"),
        (
            {"id": "a/b", "revision": 40 * "0"},
            Unavailable,
            "a/b at 00000000 is not in the Hugging Face cache; fetch it: hf download a/b --rev",
        ),
        ({"folder": "nowhere"}, Unavailable, "is no folder of a pipeline"),
        ({"dtype": "int8"}, ValueError, "dtype must be float32, float16 or bfloat16, got 'int8'"),
    ],
)
def test_what_is_not_named_fully_is_one_line(changes, error, line, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(error, match=line):
        check(**(OPEN | {"folder": "", "sha256": ""} | changes))


def test_a_folder_is_pinned_by_its_digest(folder):
    digest = folder_digest(folder)
    with pytest.raises(ValueError, match=f"pipeline pipeline: its sha256 must be said: {digest}"):
        check(**OPEN, folder=str(folder), sha256="")
    check(**OPEN, folder=str(folder), sha256=digest)
    (folder / "scheduler" / "scheduler_config.json").write_text("{}")
    with pytest.raises(ValueError, match=f"the suite says {digest}"):
        check(**OPEN, folder=str(folder), sha256=digest)


def test_pickled_weights_are_refused(folder):
    unet = folder / "unet"
    torch.save({}, unet / "diffusion_pytorch_model.bin")
    (unet / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ValueError, match="pipeline is no pipeline of safetensors"):
        open_pipeline(**OPEN, folder=str(folder), sha256=folder_digest(folder))


@pytest.mark.slow
def test_a_suite_runs_a_folder_and_marks_remote_code(folder, tmp_path):
    (tmp_path / "prompts.txt").write_text("a cat\na dog\n")
    params = {"folder": str(folder), "sha256": folder_digest(folder), "size": 32, "batch": 2}
    suite = {
        "name": "pipelines",
        "tasks": ["generative/text-to-image"],
        "datasets": [
            {"name": "prompt_file", "params": {"path": str(tmp_path / "prompts.txt"), "size": 32}}
        ],
        "models": [
            {
                "name": "diffusion-pipeline",
                "label": "own",
                "params": params,
                "points": {"steps": [2]},
            },
            {
                "name": "diffusion-pipeline",
                "label": "own, its code",
                "params": params | {"remote_code": True},
                "points": {"steps": [2]},
            },
            {"name": "stable-diffusion-1.5"},
        ],
        "metrics": ["tflops", "clip_truncated", "params_m"],
    }
    path = tmp_path / "suite.yaml"
    path.write_text(json.dumps(suite))
    done = run(path, results=tmp_path / "results")
    assert done.exit_code == 0
    board = load_board(tmp_path / "results" / "pipelines").set_index(["entry", "metric"])
    assert board.loc[("own", "tflops"), "value"] > 0
    # counted without its weights; what needs them is unavailable
    assert board.loc[("stable-diffusion-1.5", "tflops"), "value"] == pytest.approx(80.33, abs=0.1)
    nodes, _ = read_table(tmp_path / "results" / "pipelines" / "nodes.parquet")
    lacking = [
        n for n in nodes if n["entry"] == "stable-diffusion-1.5" and n["step"] == "generate"
    ]
    assert {n["outcome"] for n in lacking} == {"unavailable"}
    assert all("harness weights pull stable-diffusion-1.5" in n["reason"] for n in lacking)
