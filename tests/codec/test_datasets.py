"""The datasets: which items, in which order, verified how, and what is said of faults."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from importlib.machinery import ModuleSpec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.spec import Unavailable
from harness_plugins.codec import folder, images, kodak, odd_sizes, photos

OLD = 1_700_000_000
SAMPLES = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder of three images, a text and a hidden file."""
    root = tmp_path / "pictures"
    (root / "sub").mkdir(parents=True)
    image = Image.fromarray(SAMPLES)
    for name in ("b.png", "a.JPG", "c.webp", "sub/d.png"):
        image.save(root / name, {".JPG": "JPEG"}.get(Path(name).suffix))
        os.utime(root / name, (OLD, OLD))
    (root / "README.txt").write_text("no image")
    (root / ".hidden.png").write_text("no image either")
    return root


def test_photos_are_four_colour_images_of_free_licences():
    pytest.importorskip("skimage")
    items = photos.index()
    assert [i.id for i in items] == ["astronaut", "chelsea", "coffee", "rocket"]
    shapes = []
    for item in items:
        data = Path(item.path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == item.sha256
        image = images.load(item, data)
        shapes.append(image.shape)
        assert len(np.unique(image)) > 200
        assert re.search(r"CC0|public domain", item.meta["licence"])
    assert shapes == [(512, 512, 3), (300, 451, 3), (400, 600, 3), (427, 640, 3)]


def test_photos_import_no_scikit_image():
    pytest.importorskip("skimage")
    code = (
        "import sys; from harness_plugins.codec.photos import index; index();"
        "print(sorted({'skimage', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def fake_wheel(monkeypatch, root: Path) -> None:
    spec = ModuleSpec("skimage", None, is_package=True)
    spec.submodule_search_locations = [str(root)]
    monkeypatch.setattr(photos, "find_spec", lambda name: spec)


def test_photos_without_scikit_image(monkeypatch):
    monkeypatch.setattr(photos, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r'not installed; run: pip install "harness\[codec\]"'):
        photos.index()


def test_photos_of_a_wheel_without_them(monkeypatch, tmp_path):
    fake_wheel(monkeypatch, tmp_path)
    with pytest.raises(Unavailable, match=r"holds no astronaut\.png"):
        photos.index()


def test_photos_that_are_others(monkeypatch, tmp_path):
    fake_wheel(monkeypatch, tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "astronaut.png").write_bytes(b"someone else")
    with pytest.raises(ValueError, match=r"astronaut\.png is not the expected file: sha256 "):
        photos.index()


def test_kodak_declares_24_files():
    assert [file.name for file in kodak.FILES] == [f"kodim{n:02d}.png" for n in range(1, 25)]
    assert len({file.sha256 for file in kodak.FILES}) == 24
    assert all(file.url.endswith(f"/kodak/{file.name}") for file in kodak.FILES)


def test_kodak_on_real_data(harness_data):
    items = kodak.index()
    assert [item.id for item in items] == [f"kodim{n:02d}" for n in range(1, 25)]
    upright = set()
    for item, file in zip(items, kodak.FILES, strict=True):
        assert Path(item.path).stat().st_size == file.size
        with Image.open(item.path) as image:
            assert sorted(image.size) == [512, 768]
            if image.height > image.width:
                upright.add(int(item.id[-2:]))
    assert upright == {4, 9, 10, 17, 18, 19}


def test_kodak_that_is_not_here(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    with pytest.raises(Unavailable, match=r"kodim01\.png is not .*harness data pull kodak"):
        kodak.index()


def test_kodak_that_is_damaged(monkeypatch, cache):
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    (cache / "kodak").mkdir(parents=True)
    (cache / "kodak" / "kodim01.png").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"kodim01\.png is damaged"):
        kodak.index()


def test_folder_in_order_of_names(pictures):
    items = folder.index(str(pictures))
    assert [item.id for item in items] == ["a.JPG", "b.png", "c.webp"]
    data = Path(items[1].path).read_bytes()
    assert hashlib.sha256(data).hexdigest() == items[1].sha256
    assert np.array_equal(images.load(items[1], data), SAMPLES)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("*.png", ["b.png"]), ("**/*.png", ["b.png", "sub/d.png"]), ("sub/*", ["sub/d.png"])],
)
def test_folder_pattern(pictures, pattern, names):
    assert [item.id for item in folder.index(str(pictures), pattern)] == names


def test_folder_relative_and_home(pictures, monkeypatch):
    monkeypatch.chdir(pictures.parent)
    monkeypatch.setenv("HOME", str(pictures.parent))
    assert folder.index("pictures") == folder.index("~/pictures") == folder.index(str(pictures))


def test_folder_reads_an_unchanged_file_once(pictures, monkeypatch):
    first = folder.index(str(pictures))
    monkeypatch.setattr(images, "read_image", lambda data: pytest.fail("read again"))
    assert folder.index(str(pictures)) == first


def test_folder_reads_a_changed_file_again(pictures):
    first = folder.index(str(pictures))
    Image.new("RGB", (2, 2)).save(pictures / "b.png")
    second = folder.index(str(pictures))
    assert [a.sha256 == b.sha256 for a, b in zip(first, second, strict=True)] == [
        True,
        False,
        True,
    ]


def test_folder_names_a_truncated_file(pictures):
    data = (pictures / "b.png").read_bytes()
    (pictures / "b.png").write_bytes(data[: len(data) // 2])
    for _ in range(2):  # a fault is not remembered
        with pytest.raises(ValueError, match=r"b\.png: it is truncated or damaged") as raised:
            folder.index(str(pictures))
        assert "\n" not in str(raised.value)
    (pictures / "b.png").write_bytes(data)
    assert len(folder.index(str(pictures))) == 3


def test_folder_names_all_kinds_of_faults_in_one_line(pictures):
    Image.new("RGBA", (2, 2)).save(pictures / "d.png")
    Image.new("L", (2, 2)).save(pictures / "e.gif")
    for n in range(3):
        (pictures / f"f{n}.png").write_text("text")
    with pytest.raises(ValueError) as raised:
        folder.index(str(pictures))
    line = str(raised.value)
    assert "d.png: it has an alpha channel" in line
    assert "e.gif: this kind of file is not read; expected PNG, JPEG" in line
    assert "f0.png: it is no image" in line
    assert line.endswith("; and 2 more")
    assert "\n" not in line


def test_folder_without_images(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty holds no image that matches '\*'"):
        folder.index(str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "needs a directory: give it params"),
        ("picture", r"there is no directory .*picture \(did you mean 'pictures'\?\)"),
        ("nowhere/at/all", r"there is no directory .*nowhere/at/all$"),
        ("pictures/b.png", r"b\.png is no directory"),
    ],
)
def test_folder_that_is_none(pictures, monkeypatch, path, said):
    monkeypatch.chdir(pictures.parent)
    with pytest.raises(ValueError, match=said):
        folder.index(path)


def test_folder_pattern_that_is_none(pictures):
    with pytest.raises(ValueError, match="'/x' is no pattern of files"):
        folder.index(str(pictures), "/x")
    with pytest.raises(ValueError, match="'' is no pattern of files"):
        folder.index(str(pictures), "")


def test_odd_sizes_are_what_they_say():
    items = odd_sizes.index()
    assert [item.id for item in items] == ["1x1", "17x33", "500x400", "768x512"]
    for item in items:
        image = odd_sizes.load(item, None)
        assert image.shape == (item.meta["height"], item.meta["width"], 3)
        assert hashlib.sha256(image.tobytes()).hexdigest() == item.sha256


def test_odd_sizes_have_the_traits_of_a_photograph():
    image = odd_sizes.load(odd_sizes.index()[-1], None).astype(float)
    steps = np.abs(np.diff(image, axis=1))
    assert image.std() > 30  # contrast
    assert np.median(steps) < 8  # smooth almost everywhere
    assert steps.max() > 50  # and with edges
    assert np.corrcoef(image[..., 0].ravel(), image[..., 1].ravel())[0, 1] > 0.5
    buffer = BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(buffer, "JPEG", quality=75)
    assert 0.2 < 8 * len(buffer.getvalue()) / (768 * 512) < 2.0  # bpp of photographs


def test_odd_sizes_notice_another_image():
    item = odd_sizes.index()[0]
    with pytest.raises(ValueError, match="17x33: the generated image is not the expected"):
        odd_sizes.load(type(item)("17x33", item.sha256), None)
