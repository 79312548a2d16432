from __future__ import annotations

import subprocess

import numpy as np
import pytest

from harness.spec import Unavailable
from harness_plugins.codec.metrics import vmaf as module
from harness_plugins.codec.metrics.colour import yuv420p_limited
from harness_plugins.codec.metrics.vmaf import vmaf, vmaf_of_files

VMAF = vmaf()


def run_ffmpeg(*arguments, stdin=b"") -> bytes:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def test_netflix_known_answer(harness_data) -> None:
    # python/test/vmafexec_test.py of Netflix/vmaf expects 82.564225 for this pair, to 4 places
    video = harness_data / "video"
    paths = [video / f"src01_hrc0{i}_576x324.yuv420p10le.yuv" for i in (0, 1)]
    score = vmaf_of_files(*paths, width=576, height=324, pix_fmt="yuv420p10le")
    assert score == pytest.approx(82.564225, abs=1e-4)


def test_equal_images_score_what_a_clip_without_motion_scores(photo) -> None:
    assert VMAF(photo, photo) == pytest.approx(97.43, abs=0.01)


def test_falls_as_noise_grows_and_stays_in_range(photo, noisy) -> None:
    values = [VMAF(photo, noisy(photo, a)) for a in (2, 8, 16, 32, 96)]
    assert values == sorted(values, reverse=True)
    assert all(0 <= v <= 100 for v in values)
    assert values[0] > values[-1] + 40


@pytest.mark.parametrize("size", [(17, 33), (18, 17), (161, 97), (33, 128)])
def test_odd_sizes_give_the_same_number_twice(size, photo, jpeg) -> None:
    image = np.ascontiguousarray(photo[: size[0], : size[1]])
    other = jpeg(image, 20)
    assert 0 <= VMAF(image, other) == VMAF(image, other) < VMAF(image, image) <= 100


@pytest.mark.parametrize("size", [(1, 1), (16, 200), (200, 16)])
def test_images_too_small_for_it_are_refused(size) -> None:
    image = np.zeros((*size, 3), np.uint8)
    with pytest.raises(ValueError, match="both sides must have at least 17 pixels"):
        VMAF(image, image)


@pytest.mark.parametrize("size", [(512, 512), (101, 77)])
def test_luma_equals_that_of_zimg(size, photo) -> None:
    # zimg, an independent converter, rounds like this one but for ties of its own arithmetic
    image = np.ascontiguousarray(photo[: size[0], : size[1]])
    height, width = size
    planes = run_ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i", "-"),
        *("-vf", "format=gbrp,zscale=matrix=709:range=limited,format=yuv444p"),
        *("-f", "rawvideo", "-"),
        stdin=image.tobytes(),
    )
    theirs = np.frombuffer(planes, np.uint8)[: height * width].astype(int)
    ours = np.frombuffer(yuv420p_limited(image), np.uint8)[: height * width].astype(int)
    assert np.abs(ours - theirs).max() <= 1
    assert np.mean(ours != theirs) < 0.01


def test_an_ffmpeg_without_libvmaf_is_unavailable(monkeypatch, tmp_path, photo) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho \"No such filter: 'libvmaf'\" >&2\nexit 8\n")
    program.chmod(0o755)
    monkeypatch.setattr(module, "_ffmpeg", lambda: str(program))
    with pytest.raises(Unavailable, match="has no libvmaf"):
        VMAF(photo, photo)


def test_a_failing_ffmpeg_is_reported_by_its_first_line(tmp_path) -> None:
    for name in ("a.yuv", "b.yuv"):
        (tmp_path / name).write_bytes(bytes(100))
    with pytest.raises(RuntimeError, match=r"ffmpeg ended with \d+: .*pixel format") as caught:
        vmaf_of_files(
            *(tmp_path / "a.yuv", tmp_path / "b.yuv"), width=64, height=64, pix_fmt="none-such"
        )
    assert "\n" not in str(caught.value)
