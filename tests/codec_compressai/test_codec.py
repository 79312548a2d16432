"""The codec against CompressAI's own evaluation of the same checkpoint."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from harness import Unavailable, trace
from harness.cost import Component, activations, count
from harness.spec import Resource
from harness_plugins.codec.interface import Codec, EstimatesBits
from harness_plugins.codec_compressai import components, zoo
from harness_plugins.codec_compressai.bitstream import unpack
from harness_plugins.codec_compressai.networks import build, network_class

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from compressai.utils.eval_model import __main__ as eval_model

ARCHITECTURES = [a for a, metric in zoo.ZOO if metric == "mse"]
every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)
Write = Callable[..., dict[str, str]]
POINT = {"quality": 1}


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = torch.from_numpy(rng.uniform(0, 255, (1, 3, 2 + height // 9, 2 + width // 9)))
    smooth = functional.interpolate(rough, (height, width), mode="bicubic")[0]
    noisy = smooth.permute(1, 2, 0).numpy() + rng.normal(0, 4, (height, width, 3))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


@pytest.fixture
def make(write_checkpoint: Write) -> Callable[..., Any]:
    def made(architecture: str, *seeds: int) -> Any:
        entries = [write_checkpoint(architecture, seed) for seed in seeds or (0,)]
        return zoo.checkpoint(architecture, entries)

    return made


@every_architecture
def test_bytes_and_pixels_are_those_of_eval_model(
    architecture: str, make: Callable[..., Any], write_checkpoint: Write
) -> None:
    # CompressAI pads with zeros around the image, so the comparison needs none.
    image = photo(128, 192)
    network = eval_model.load_checkpoint(
        architecture, False, write_checkpoint(architecture)["path"]
    )
    x = torch.from_numpy(image).permute(2, 0, 1).float().div(255)
    with torch.no_grad():
        out = network.compress(x[None])
        x_hat = network.decompress(out["strings"], out["shape"])["x_hat"]
    expected = (x_hat[0] * 255).clamp(0, 255).round().byte().permute(1, 2, 0).numpy()

    codec = make(architecture)
    trace.reset()
    data = codec.encode(image, POINT)
    strings = unpack(data, len(out["strings"])).strings
    assert list(strings) == [s for [s] in out["strings"]]
    np.testing.assert_array_equal(codec.decode(data), expected)
    assert len(np.unique(expected)) > 2  # an image, not a flat field

    _, notes = trace.taken()
    assert notes["payload_bytes"] + notes["header_bytes"] == len(data)
    assert notes["header_bytes"] <= 10


def test_scores_are_those_of_eval_model(make: Callable[..., Any], write_checkpoint: Write) -> None:
    from harness_plugins.codec.metrics.fidelity import psnr_rgb
    from harness_plugins.codec.metrics.structural import ms_ssim

    image, architecture = photo(192, 256), "mbt2018-mean"
    network = eval_model.load_checkpoint(
        architecture, False, write_checkpoint(architecture)["path"]
    )
    theirs = eval_model.inference(network, torch.from_numpy(image).permute(2, 0, 1).float() / 255)
    codec = make(architecture)
    data = codec.encode(image, POINT)
    decoded = codec.decode(data)
    payload = trace.taken()[1]["payload_bytes"]
    assert 8 * payload / (192 * 256) == theirs["bpp"]
    assert psnr_rgb()(image, decoded) == pytest.approx(theirs["psnr-rgb"], abs=1e-4)
    assert ms_ssim()(image, decoded) == pytest.approx(theirs["ms-ssim-rgb"], abs=2e-5)


@every_architecture
@pytest.mark.parametrize("size", [(1, 1), (17, 33), (65, 40)])
def test_any_size_comes_back(
    architecture: str, size: tuple[int, int], make: Callable[..., Any]
) -> None:
    image = photo(*size)
    codec = make(architecture)
    data = codec.encode(image, POINT)
    decoded = codec.decode(data)
    assert decoded.shape == (*size, 3)
    assert decoded.dtype == np.uint8
    assert codec.encode(image, POINT) == data
    np.testing.assert_array_equal(make(architecture).decode(data), decoded)


def test_padding_repeats_the_last_row_and_column(make: Callable[..., Any]) -> None:
    image = photo(20, 40)
    padded = np.pad(image, ((0, 44), (0, 24), (0, 0)), mode="edge")
    codec = make("bmshj2018-hyperprior")
    small, large = codec.encode(image, POINT), codec.encode(padded, POINT)
    assert unpack(small, 2).strings == unpack(large, 2).strings
    np.testing.assert_array_equal(codec.decode(small), codec.decode(large)[:20, :40])


@every_architecture
def test_the_estimate_is_that_of_the_networks_own_likelihoods(
    architecture: str, make: Callable[..., Any]
) -> None:
    image, codec = photo(64, 128), make(architecture)
    assert isinstance(codec, Codec)
    assert isinstance(codec, EstimatesBits)
    alone = codec.estimate_bits(image, POINT)
    codec.encode(photo(64, 128, seed=1), POINT)
    after_another = codec.estimate_bits(image, POINT)
    codec.encode(image, POINT)
    assert codec.estimate_bits(image, POINT) == alone == after_another

    network = codec._network(1)
    with torch.no_grad():
        x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        likelihoods = network(x)["likelihoods"].values()
    expected = sum(-p.double().log2().sum().item() for p in likelihoods)
    assert alone == pytest.approx(expected, rel=1e-9)
    # and the network is whole again
    assert codec.decode(codec.encode(image, POINT)).shape == image.shape


def test_a_bitstream_knows_its_quality(make: Callable[..., Any]) -> None:
    image, both = photo(64, 64), make("mbt2018-mean", 0, 1)
    first, second = (both.encode(image, {"quality": q}) for q in (1, 2))
    assert first != second
    fresh = make("mbt2018-mean", 0, 1)
    np.testing.assert_array_equal(fresh.decode(second), both.decode(second))
    np.testing.assert_array_equal(fresh.decode(first), make("mbt2018-mean", 0).decode(first))
    with pytest.raises(ValueError, match="quality 2: expected 1 to 1"):
        make("mbt2018-mean", 0).decode(second)


@pytest.mark.parametrize("point", [{}, {"quality": "1"}, {"quality": True}, {"quality": 0}])
def test_a_point_without_a_quality_is_refused(
    point: dict[str, Any], make: Callable[..., Any]
) -> None:
    with pytest.raises(ValueError, match="quality"):
        make("bmshj2018-factorized").encode(photo(8, 8), point)


def test_spans_cover_transforms_and_entropy_coding(make: Callable[..., Any]) -> None:
    codec = make("bmshj2018-hyperprior")
    trace.reset()
    data = codec.encode(photo(64, 64), POINT)
    spans, _ = trace.taken()
    assert set(spans) == {"encode", "g_a", "h_a", "h_s", "entropy_coding"}
    assert spans["encode"] >= sum(spans.values()) - spans["encode"]
    trace.reset()
    codec.decode(data)
    spans, _ = trace.taken()
    assert set(spans) == {"decode", "h_s", "g_s", "entropy_decode_z", "entropy_decode_y"}
    assert spans["decode"] >= sum(spans.values()) - spans["decode"]
    assert min(spans.values()) > 0


def test_without_a_hyperprior_there_is_one_entropy_decoding(make: Callable[..., Any]) -> None:
    codec = make("bmshj2018-factorized")
    data = codec.encode(photo(64, 64), POINT)
    trace.reset()
    codec.decode(data)
    assert set(trace.taken()[0]) == {"decode", "g_s", "entropy_decode_y"}


def test_the_context_model_is_timed_with_the_entropy_decoding(make: Callable[..., Any]) -> None:
    codec = make("mbt2018")
    data = codec.encode(photo(128, 128), POINT)
    trace.reset()
    codec.decode(data)
    spans, _ = trace.taken()
    # 64 positions, one after the other, against one call of each other part
    assert spans["entropy_decode_y"] > spans["h_s"] + spans["entropy_decode_z"]


def test_a_read_only_image_is_taken_without_a_warning(make: Callable[..., Any]) -> None:
    image = photo(1, 1)
    image.flags.writeable = False
    assert make("bmshj2018-factorized").encode(image, POINT)


def named(components: list[Component]) -> dict[str, Component]:
    return {component.name: component for component in components}


@every_architecture
def test_components_are_the_networks_parts(architecture: str, make: Callable[..., Any]) -> None:
    codec = make(architecture)
    parts = named(codec.components(photo(70, 100), POINT))
    hyper = {"h_a", "h_s"} if architecture != "bmshj2018-factorized" else set()
    context = {"context_prediction", "entropy_parameters"}
    autoregressive = architecture == "mbt2018" or architecture.startswith("cheng")
    assert set(parts) == {"g_a", "g_s", "decode"} | hyper | (context if autoregressive else set())
    whole = parts.pop("decode")
    assert whole.step == "decode whole"
    assert not isinstance(whole.module, torch.nn.Module)
    assert {n for n, p in parts.items() if p.step == "encode"} == {"g_a", "h_a"} & set(parts)
    assert {n for n, p in parts.items() if p.step == "decode"} == set(parts) - {"g_a", "h_a"}
    network = codec._network(1)
    for name, part in parts.items():
        assert not part.module.training  # type: ignore[attr-defined]
        assert part.calls == (8 * 8 if name in context else 1)  # padded to 128 x 128
        assert all(weight is not None for weight in part.module.parameters())  # type: ignore[attr-defined]
        if name != "context_prediction":
            assert part.module is getattr(network, name)


@every_architecture
def test_components_get_the_tensors_that_the_coder_gives_them(
    architecture: str, make: Callable[..., Any]
) -> None:
    image, codec = photo(70, 100), make(architecture)
    parts = named(codec.components(image, POINT))
    [data] = parts["decode"].inputs
    assert data == codec.encode(image, POINT)
    expected = codec.decode(data)
    with torch.no_grad():
        [x] = parts["g_a"].inputs
        y = parts["g_a"].module(x)
        x_hat = parts["g_s"].module(*parts["g_s"].inputs)
    np.testing.assert_array_equal((x[0, :, :70, :100] * 255).permute(1, 2, 0), image)
    made = (x_hat[0, :, :70, :100] * 255).round().clamp(0, 255).byte().permute(1, 2, 0)
    np.testing.assert_array_equal(made, expected)
    assert parts["g_s"].output == "reconstruction"
    if "h_a" in parts:  # the scale hyperprior looks at magnitudes
        [given] = parts["h_a"].inputs
        torch.testing.assert_close(given.abs(), y.abs())


@pytest.mark.parametrize("architecture", ["mbt2018", "cheng2020-anchor"])
def test_the_context_model_predicts_what_the_coder_uses_at_the_place_in_the_middle(
    architecture: str, make: Callable[..., Any]
) -> None:
    codec = make(architecture)
    parts = named(codec.components(photo(64, 128), POINT))
    [y_hat] = parts["g_s"].inputs
    with torch.no_grad():
        whole = codec._network(1).context_prediction(y_hat)
        here = parts["context_prediction"].module(*parts["context_prediction"].inputs)
        parts["entropy_parameters"].module(*parts["entropy_parameters"].inputs)
    torch.testing.assert_close(here, whole[:, :, 2:3, 4:5])
    assert parts["entropy_parameters"].calls == 4 * 8


@every_architecture
def test_a_skeleton_has_the_same_components_without_weights(
    architecture: str,
    make: Callable[..., Any],
    widths: dict[str, tuple[int, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(components._WIDTHS, architecture, (widths[architecture],))
    image = photo(70, 100)
    skeleton = getattr(zoo, architecture.replace("-", "_") + "_skeleton")(metric="mse")
    found = named(skeleton.components(image, POINT))
    real = named(make(architecture).components(image, POINT))
    del real["decode"]
    assert list(found) == list(real)
    for name, part in found.items():
        assert (part.step, part.calls, part.output) == (
            real[name].step,
            real[name].calls,
            real[name].output,
        )
        assert part.inputs == [tuple(t.shape) for t in real[name].inputs]
        module: Any = part.module
        assert all(p.is_meta for p in module.parameters())
        mine = count(module, part.inputs)
        theirs = count(real[name].module, real[name].inputs)  # type: ignore[arg-type]
        assert mine == theirs
        assert mine.macs > 0
        assert activations(module, part.inputs).peak_bytes > 0


def test_widths_are_those_of_the_zoo() -> None:
    from compressai.zoo.image import cfgs

    for architecture, widths in components._WIDTHS.items():
        assert dict(enumerate(widths, start=1)) == cfgs[architecture]


def test_the_cost_of_published_networks() -> None:
    # kMAC per pixel of g_s: 5x5 transposed convolutions and 1x1 of the normalisation, by hand.
    def expected(n: int, m: int) -> float:
        layers = m * n / 256 + n * n / 64 + n * n / 16 + 3 * n / 4
        return (25 * layers + n * n / 64 + n * n / 16 + n * n / 4) / 1e3

    image = np.zeros((512, 768, 3), dtype=np.uint8)
    for skeleton, quality, n, m in [
        (zoo.bmshj2018_hyperprior_skeleton, 1, 128, 192),
        (zoo.mbt2018_mean_skeleton, 8, 192, 320),
    ]:
        parts = named(skeleton(metric="mse").components(image, {"quality": quality}))
        cost = count(parts["g_s"].module, parts["g_s"].inputs)  # type: ignore[arg-type]
        assert cost.kmac_per_pixel(512 * 768) == pytest.approx(expected(n, m), rel=1e-12)


@pytest.mark.parametrize("quality", [0, 9, "1", None])
def test_a_skeleton_of_a_quality_there_is_not(quality: Any) -> None:
    with pytest.raises(ValueError, match="expected 1 to 8"):
        zoo.mbt2018_skeleton(metric="mse").components(photo(8, 8), {"quality": quality})


def test_a_checkpoint_of_another_architecture_is_refused(write_checkpoint: Write) -> None:
    entry = write_checkpoint("bmshj2018-factorized")
    codec = zoo.checkpoint("mbt2018", [entry])
    with pytest.raises(ValueError, match="the checkpoint is not of mbt2018: ") as caught:
        codec.encode(photo(8, 8), POINT)
    assert "\n" not in str(caught.value)


def test_the_zoo_is_read_from_the_cache(
    write_checkpoint: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for quality in (1, 2):
        entry = write_checkpoint("mbt2018-mean", quality)
        name = f"mbt2018-mean-{quality}.pth.tar"
        path = tmp_path / "cache" / "compressai-mbt2018-mean" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Path(entry["path"]).read_bytes())
        files.append(Resource(name=name, url="https://example.org", sha256=entry["sha256"][:8]))
    files.append(Resource(name="absent.pth.tar", url="https://example.org", sha256="0" * 8))
    monkeypatch.setattr(zoo, "ZOO", {("mbt2018-mean", "mse"): tuple(files)})

    codec, image = zoo.mbt2018_mean(metric="mse"), photo(64, 64)
    # The zoo's files hold the tables of the entropy coder; they are used as they are.
    state = torch.load(write_checkpoint("mbt2018-mean", 2)["path"], weights_only=True)
    expected = build("mbt2018-mean", state, update=False)
    with torch.no_grad():
        x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        strings = expected.compress(x)["strings"]  # type: ignore[operator]
    data = codec.encode(image, {"quality": 2})
    assert unpack(data, 2).strings == tuple(s for [s] in strings)
    with pytest.raises(Unavailable, match=r"pull compressai-mbt2018-mean$"):
        codec.encode(image, {"quality": 3})
    with pytest.raises(ValueError, match="expected 'mse' or 'ms-ssim', got 'psnr'"):
        zoo.mbt2018_mean(metric="psnr")


def test_a_network_without_tables_gets_them(write_checkpoint: Write) -> None:
    network = network_class("bmshj2018-factorized")(8, 8)  # never updated, as while training
    restored = build("bmshj2018-factorized", network.state_dict(), update=False)
    assert restored.entropy_bottleneck.quantized_cdf.numel() > 0  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_fresh_process_loads_the_networks_alone_and_codes_alike(
    make: Callable[..., Any], write_checkpoint: Write, tmp_path: Path
) -> None:
    image = photo(40, 70)
    np.save(tmp_path / "image.npy", image)
    entry = write_checkpoint("cheng2020-attn")
    code = f"""
import sys, numpy as np
from harness_plugins.codec_compressai.zoo import checkpoint
codec = checkpoint("cheng2020-attn", [{entry!r}])
data = codec.encode(np.load({str(tmp_path / "image.npy")!r}), {{"quality": 1}})
heavy = {{"torch_geometric", "torchvision", "pandas"}} & set(sys.modules)
print(sorted(heavy), data.hex())
"""
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    data = make("cheng2020-attn").encode(image, POINT)
    assert said.stdout.split() == ["[]", data.hex()]
