"""CLIP with a tiny random network, kept in the files' real formats, against transformers."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.spec import Unavailable
from harness.trace import reset, taken
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Lacking
from harness_plugins.generative.metrics import clip, fixtures, weights
from harness_plugins.generative.metrics.features import FeaturesError
from harness_plugins.generative.samples import Samples

PROMPTS = fixtures.PROMPTS


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Keep the random network as each kind of file; return the folder and the declarations."""
    import open_clip
    import torch

    folder = tmp_path_factory.mktemp("cache")
    declared = {}
    for name, quick in (("b32", True), ("g14", False)):
        network = weights.NETWORKS[name]
        path = folder / f"clip_score_{name}" / network.weights.name
        path.parent.mkdir()
        state = fixtures.tiny_clip(quick_gelu=quick).state_dict()
        if network.openai:
            fixtures.write_archive(state, path)
        else:
            torch.save(state, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        resource = dataclasses.replace(network.weights, sha256=digest)
        declared[name] = network._replace(weights=resource)
    config = folder / "tiny-g.json"
    config.write_text(json.dumps(fixtures.TINY))
    open_clip.add_model_config(config)
    declared["g14"] = declared["g14"]._replace(architecture="tiny-g")
    return folder, declared


@pytest.fixture
def cache(monkeypatch, stored):
    folder, declared = stored
    monkeypatch.setenv("HARNESS_CACHE", str(folder))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    for name, network in declared.items():
        monkeypatch.setitem(weights.NETWORKS, name, network)
    return folder


def pictures(rng, count, height, width):
    y, x = np.mgrid[:height, :width]
    waves = [
        127 + 90 * np.sin(x / (3 + n + c) + n) * np.cos(y / (5 + c))
        for n in range(count)
        for c in range(3)
    ]
    smooth = np.stack(waves).reshape(count, 3, height, width).transpose(0, 2, 3, 1)
    noisy = smooth + rng.normal(0, 8, smooth.shape)
    return Images.of(np.clip(noisy, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(("name", "quick"), [("b32", True), ("g14", False)])
def test_features_are_those_of_transformers(name, quick, cache, rng) -> None:
    """Both files, images of both proportions; differences of float32 in two layers: 1e-5."""
    import torch
    from transformers import CLIPImageProcessorPil

    ours = clip.Clip.load(name)
    theirs = fixtures.in_transformers(fixtures.tiny_clip(quick_gelu=quick), quick_gelu=quick)
    prepare = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    for size in ((48, 40), (20, 33), (32, 32)):
        images = pictures(rng, 3, *size)
        pixels = prepare(images=list(images.bytes_()), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            found = theirs.get_image_features(pixel_values=pixels).pooler_output
        expected = torch.nn.functional.normalize(found).numpy()
        np.testing.assert_allclose(ours.images(images), expected, atol=1e-5)
    tokens = ours._tokenizer(list(PROMPTS))
    with torch.inference_mode():
        found = theirs.get_text_features(input_ids=tokens).pooler_output
    expected = torch.nn.functional.normalize(found).numpy()
    np.testing.assert_allclose(ours.texts(PROMPTS), expected, atol=1e-5)


def test_tokens_are_those_of_transformers() -> None:
    import open_clip
    from transformers import CLIPTokenizer

    ours = open_clip.SimpleTokenizer()
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {names.get(word, word): number for word, number in ours.encoder.items()}
    theirs = CLIPTokenizer(vocab=vocabulary, merges=list(ours.bpe_ranks))
    for text in (*PROMPTS, "it's fine, it isn't", "  tabs\tand\nlines ", "漢字 🙂"):
        assert theirs(text)["input_ids"][1:-1] == ours.encode(text)


def test_features_have_length_1_whatever_the_range_they_came_in(cache, rng) -> None:
    own = clip.Clip.load("b32")
    images = pictures(rng, 2, 40, 40)
    found = own.images(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    for low, high in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
        again = Images.of_floats(images.floats(low, high), low, high, "NCHW")
        np.testing.assert_array_equal(own.images(again), found)


def test_a_batch_changes_nothing_but_rounding(cache, rng, monkeypatch) -> None:
    own, images = clip.Clip.load("b32"), pictures(rng, 5, 32, 32)
    together = own.images(images)
    monkeypatch.setattr(clip, "_BATCH", 2)
    np.testing.assert_allclose(own.images(images), together, atol=1e-6)


def test_the_score_is_the_cosine_with_its_own_prompt(cache, rng) -> None:
    images = pictures(rng, 6, 32, 32)
    own = clip.Clip.load("b32")
    measure = clip.clip_score("b32", "clip_score_b32")
    found = measure(Samples(images, PROMPTS, frames=2))
    texts = own.texts(PROMPTS)
    expected = [
        np.mean([float(own.images(images)[2 * n + f] @ texts[n]) for f in (0, 1)])
        for n in range(3)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.shape == (3,)
    with pytest.raises(Lacking, match="these samples have none"):
        measure(Samples(images))


def test_a_template_is_part_of_prompt_and_signature(cache) -> None:
    plain, other = clip.Clip.load("b32"), clip.Clip.load("b32", "A photo depicts {}")
    np.testing.assert_array_equal(other.texts(["a cat"]), plain.texts(["A photo depicts a cat"]))
    digest = weights.NETWORKS["b32"].weights.sha256[:8]
    assert plain.signature == (
        f"clip:vit-b-32-openai@{digest}|pre:pil-bicubic-shortest-centre224|tpl:{{}}|trunc:77"
    )
    assert "|tpl:A_photo_depicts_{}|" in other.signature


def test_prompts_that_are_cut_are_counted(cache, rng) -> None:
    long = ["dog " * 75, "dog " * 76, "dog " * 200]  # two marks besides: 77, 78 and 202 tokens
    assert clip.Clip.load("b32").truncated(long) == 2
    assert clip.Clip.load("b32", "a {}").truncated(long) == 3
    samples = Samples(pictures(rng, 3, 32, 32), tuple(long))
    np.testing.assert_array_equal(clip.clip_truncated()(samples), [0, 1, 1])
    reset()
    clip.clip_score("b32", "clip_score_b32")(samples)
    assert taken()[1]["truncated_prompts"] == 2


def test_an_edit_is_held_against_the_change_of_its_prompt(cache, rng) -> None:
    before, after = pictures(rng, 3, 32, 32), pictures(rng, 3, 32, 32)
    own, asked = clip.Clip.load("b32"), tuple(p + " at night" for p in PROMPTS)
    measure = clip.clip_directional("b32", "x")
    found = measure(Samples(before, PROMPTS), Samples(after, asked))
    moved = own.images(after) - own.images(before)
    meant = own.texts(asked) - own.texts(PROMPTS)
    lengths = np.linalg.norm(moved, axis=1) * np.linalg.norm(meant, axis=1)
    expected = (moved * meant).sum(axis=1) / lengths
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(measure(Samples(before, PROMPTS), Samples(before, asked)), 0)


def test_equal_images_have_similarity_and_consistency_1(cache, rng) -> None:
    images = pictures(rng, 4, 32, 32)
    same = clip.clip_similarity("b32", "x")(Samples(images), Samples(images))
    np.testing.assert_allclose(same, 1, atol=1e-6)
    still = Samples(Images.of(images.bytes_()[[0, 0, 1, 1]]), frames=2)
    for factory in (clip.clip_temporal, clip.clip_temporal_first):
        np.testing.assert_allclose(factory("b32", "x")(still), 1, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(2, 5))
def test_consistency_is_its_definition(seed, videos, count) -> None:
    rng = np.random.default_rng(seed)
    frames = rng.normal(size=(videos * count, 6)).astype(np.float32)
    frames /= np.linalg.norm(frames, axis=1, keepdims=True)
    by_video = frames.reshape(videos, count, 6).astype(np.float64)
    before = [[v[t] @ v[t - 1] for t in range(1, count)] for v in by_video]
    first = [[v[t] @ v[0] for t in range(1, count)] for v in by_video]
    np.testing.assert_allclose(clip.temporal(frames, count), np.mean(before, axis=1))
    both = (np.maximum(before, 0) + np.maximum(first, 0)) / 2
    np.testing.assert_allclose(clip.temporal_first(frames, count), both.mean(axis=1))


def test_one_frame_is_no_video() -> None:
    for function in (clip.temporal, clip.temporal_first):
        with pytest.raises(FeaturesError, match="no videos of 1"):
            function(np.ones((3, 2), np.float32), 1)
    with pytest.raises(FeaturesError, match="one shape"):
        clip.similarity(np.ones((2, 3), np.float32), np.ones((3, 3), np.float32))


@pytest.mark.parametrize("name", weights.NETWORKS)
def test_without_weights_it_is_unavailable(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    with pytest.raises(Unavailable) as caught:
        clip.Clip.load(name)
    assert caught.value.remedy == f"harness weights pull clip_score_{name}"
    assert weights.NETWORKS[name].weights.name in str(caught.value)


def test_a_file_of_another_network_is_refused(cache, stored, monkeypatch) -> None:
    lacking = stored[1]["g14"]._replace(architecture="ViT-B-32")
    monkeypatch.setitem(weights.NETWORKS, "g14", lacking)
    with pytest.raises(RuntimeError, match="size mismatch"):
        clip.Clip.load("g14")


def test_a_file_that_another_metric_pulled_will_do(cache, stored) -> None:
    resource = stored[1]["b32"].weights
    assert weights.weights_path(resource, "fid_clip_b32").parent.name == "clip_score_b32"
