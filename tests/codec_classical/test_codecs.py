from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np
import pytest

from harness import Model, Unavailable, trace
from harness_plugins import codec_classical
from harness_plugins.codec_classical import availability, ffmpeg_process

MODELS = {model.name: model for model in codec_classical.harness_models()}
FFMPEG = [name for name, model in MODELS.items() if "ffmpeg" in model.tags]

# The fastest setting of each encoder: the tests are about the codec around it.
QUICK: dict[str, dict[str, Any]] = {
    "avif": {"speed": 10},
    "jpegxl": {"effort": 3},
    "x264": {"preset": "ultrafast"},
    "x265": {"preset": "ultrafast"},
    "aom-av1": {"cpu_used": 8},
    "svt-av1": {"preset": 10},
    "vvenc": {"preset": "faster"},
}
every_model = pytest.mark.parametrize("name", MODELS)


def resolve(ref: str) -> Any:
    module, _, name = ref.partition(":")
    return getattr(import_module(module), name)


def make(model: Model, **params: Any) -> Any:
    return resolve(model.factory)(**{**model.params, **params})


def quick(name: str) -> Any:
    return make(MODELS[name], **QUICK.get(name, {}))


def points(name: str) -> list[dict[str, Any]]:
    [(axis, values)] = MODELS[name].points.items()
    return [{axis: value} for value in values]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    mse = np.mean((a.astype(np.float64) - b) ** 2)
    return float(10 * np.log10(255**2 / mse)) if mse else float("inf")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A picture like a photograph: 1/f noise, colour planes alike, uint8 (80, 112, 3)."""
    rng = np.random.default_rng(20)
    fy, fx = np.fft.fftfreq(80)[:, None], np.fft.fftfreq(112)[None, :]
    fall = 1 / np.maximum(np.hypot(fy, fx), 1 / 112)
    base, *detail = (
        np.fft.ifft2(np.fft.fft2(rng.standard_normal((80, 112))) * fall).real for _ in range(4)
    )
    planes = np.stack([base + 0.3 * d for d in detail], axis=-1)
    return np.clip(128 + 45 * planes / planes.std(), 0, 255).astype(np.uint8)


@every_model
def test_declaration_is_complete(name: str):
    model = MODELS[name]
    assert set(signature(resolve(model.factory)).parameters) == set(model.params)
    assert resolve(model.check)(**model.params) is None
    assert model.family == "codec"
    assert {"classical", "image"} <= set(model.tags)
    assert model.extra == "codec"
    assert all([model.summary, model.licence, model.paper, model.url, model.requires])
    assert 6 <= len(points(name)) <= 8


def test_declaring_imports_no_library():
    code = (
        "import sys, harness_plugins.codec_classical as c; c.harness_models();"
        "print([m for m in ('numpy', 'PIL', 'pillow_jxl', 'imageio_ffmpeg') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@every_model
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 33), (33, 17), (80, 112)])
def test_any_size_comes_back(name: str, size: tuple[int, int], picture: np.ndarray):
    image = picture[: size[0], : size[1]]
    codec = quick(name)
    data = codec.encode(image, points(name)[-1])
    decoded = codec.decode(data)
    assert isinstance(data, bytes)
    assert decoded.dtype == np.uint8
    assert decoded.shape == image.shape
    # Flat grey is 15 dB away. JPEG 2000 has 168 bytes for 17x33 pixels, headers included.
    assert psnr(image, decoded) > 18


@every_model
def test_rate_and_quality_rise_along_the_points(name: str, picture: np.ndarray):
    codec = quick(name)
    streams = [codec.encode(picture, point) for point in points(name)]
    sizes = [len(data) for data in streams]
    assert sizes == sorted(set(sizes))
    qualities = [psnr(picture, codec.decode(data)) for data in streams]
    assert qualities == sorted(qualities)
    assert qualities[-1] > qualities[0] + 5
    assert np.isfinite(qualities[-1]), "the last point is lossless"


@every_model
def test_encoding_twice_gives_the_same_bytes(name: str, picture: np.ndarray):
    point = points(name)[3]
    assert quick(name).encode(picture, point) == quick(name).encode(picture, point)


_DECODE = """
import hashlib, json, sys
from pathlib import Path
from importlib import import_module
for name, ref, params, path in json.load(sys.stdin):
    module, _, attribute = ref.partition(":")
    codec = getattr(import_module(module), attribute)(**params)
    image = codec.decode(Path(path).read_bytes())
    print(name, image.shape, hashlib.sha256(image.tobytes()).hexdigest())
"""


def test_another_process_decodes_the_same_from_the_bytes_alone(tmp_path, picture: np.ndarray):
    image, jobs, here = picture[:37, :53], [], []
    for name, model in MODELS.items():
        data = quick(name).encode(image, points(name)[2])
        (tmp_path / name).write_bytes(data)
        decoded = quick(name).decode(data)
        here.append(f"{name} {decoded.shape} {hashlib.sha256(decoded.tobytes()).hexdigest()}")
        jobs.append((name, model.factory, dict(model.params), str(tmp_path / name)))
    for threads in ("1", "4"):
        done = subprocess.run(
            [sys.executable, "-c", _DECODE],
            input=json.dumps(jobs),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": threads},
        )
        assert done.stdout.splitlines() == here


@every_model
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.97])
def test_truncated_bytes_raise(name: str, keep: float, picture: np.ndarray):
    codec = quick(name)
    data = codec.encode(picture, points(name)[3])
    with pytest.raises((ValueError, OSError, RuntimeError, SyntaxError)):
        codec.decode(data[: int(len(data) * keep)])


@every_model
def test_one_missing_byte_raises(name: str, picture: np.ndarray):
    codec = quick(name)
    data = codec.encode(picture, points(name)[3])
    with pytest.raises((ValueError, OSError, RuntimeError, SyntaxError)):
        codec.decode(data[:-1])


@every_model
def test_foreign_bytes_raise(name: str):
    with pytest.raises((ValueError, OSError, RuntimeError, SyntaxError)):
        quick(name).decode(b"GIF89a" + bytes(range(256)) * 4)


@every_model
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_other_images_are_refused(name: str, image: np.ndarray):
    with pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\)"):
        quick(name).encode(image, points(name)[0])


@every_model
def test_other_points_are_refused(name: str, picture: np.ndarray):
    codec = quick(name)
    [axis] = points(name)[0]
    with pytest.raises(ValueError, match=f"expected the one axis '{axis}'"):
        codec.encode(picture, {"nonsense": 1})
    for value in (-1, 2.5, "30", True, 10_000):
        with pytest.raises(ValueError, match=f"{axis}: expected a whole number"):
            codec.encode(picture, {axis: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("avif", 100), ("jpegxl", 100), ("x264", 0), ("x265", 0), ("aom-av1", 0), ("svt-av1", 0)],
)
def test_no_point_turns_lossless(name: str, value: int, picture: np.ndarray):
    [axis] = points(name)[0]
    with pytest.raises(ValueError, match="expected a whole number"):
        quick(name).encode(picture, {axis: value})


@every_model
def test_spans_and_notes_say_how_it_was_done(name: str, picture: np.ndarray):
    codec = quick(name)
    trace.reset()
    # Large enough for ffmpeg's clock, which counts milliseconds.
    data = codec.encode(np.tile(picture, (4, 4, 1)), points(name)[2])
    spans, notes = trace.taken()
    assert spans["encode"] > 0
    assert notes["encoder"][-1] == ")" or "pillow-jxl-plugin" in notes["encoder"]
    assert any(digit in notes["encoder"] for digit in "0123456789")
    assert str(next(iter(points(name)[2].values()))) in notes["command"]
    trace.reset()
    codec.decode(data)
    spans, notes = trace.taken()
    assert spans["decode"] > 0
    assert "encode" not in spans
    assert "decode" in notes["timing"] or "load" in notes["timing"]
    assert notes["decoder"]


@pytest.mark.parametrize("name", FFMPEG)
def test_command_names_no_place_and_the_version_is_known(name: str, picture: np.ndarray):
    trace.reset()
    quick(name).encode(picture, points(name)[2])
    notes = trace.taken()[1]
    assert notes["command"].startswith("ffmpeg -")
    assert os.sep + "site-packages" not in notes["command"]
    assert "-threads 1" in notes["command"]
    assert "unknown" not in notes["encoder"]


@pytest.mark.parametrize("name", FFMPEG)
def test_times_leave_out_starting_the_program(name: str, picture: np.ndarray):
    # 16x16 pixels take an encoder and a decoder next to nothing; ffmpeg takes 10 ms to start.
    codec, image = quick(name), picture[:16, :16]
    data = codec.encode(image, points(name)[0])
    spent = []
    for _ in range(3):
        trace.reset()
        with trace.span("call"):
            codec.decode(data)
        spans = trace.taken()[0]
        spent.append(spans["decode"] / spans["call"])
    assert min(spent) < 0.25


@pytest.mark.parametrize("name", FFMPEG)
def test_streams_hold_no_text_about_the_encoder(name: str, picture: np.ndarray):
    data = quick(name).encode(picture[:16, :16], points(name)[0])
    assert len(data) < 250
    for word in (b"x264", b"x265", b"VVenC", b"Lavc"):
        assert word not in data


@pytest.mark.parametrize("name", FFMPEG)
def test_ffmpegs_own_line_is_raised(name: str, picture: np.ndarray):
    [param] = MODELS[name].params
    codec = make(MODELS[name], **{param: "nonsense"})
    with pytest.raises(RuntimeError, match=r"ffmpeg ended with \d+: \S") as caught:
        codec.encode(picture, points(name)[0])
    assert "\n" not in str(caught.value)


def test_a_preset_is_one_argument(picture: np.ndarray, tmp_path):
    target = tmp_path / "written.y4m"
    codec = make(MODELS["x265"], preset=f"fast -y {target}")
    with pytest.raises(RuntimeError):
        codec.encode(picture, points("x265")[0])
    assert not target.exists()


@pytest.mark.parametrize("name", FFMPEG)
def test_an_ffmpeg_without_the_encoder_is_unavailable(name: str, monkeypatch):
    monkeypatch.setattr(ffmpeg_process, "encoder_names", lambda: frozenset({"mjpeg"}))
    with pytest.raises(Unavailable, match=r"built without lib\S+; pip install"):
        resolve(MODELS[name].check)(**MODELS[name].params)


@every_model
def test_a_missing_distribution_is_unavailable(name: str, monkeypatch):
    monkeypatch.setattr(availability, "find_spec", lambda _module: None)
    with pytest.raises(Unavailable) as caught:
        resolve(MODELS[name].check)(**MODELS[name].params)
    assert "is not installed" in caught.value.reason
    assert caught.value.remedy == 'pip install "harness[codec]"'
