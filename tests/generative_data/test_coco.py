"""Captions and pictures of COCO 2017 val, read from small archives in their published form."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.data import pull
from harness.spec import Unavailable
from harness_plugins.generative.datasets import coco
from harness_plugins.generative.prompts import open_source

Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)
CAPTIONS = {  # picture: captions by annotation id
    397133: {30: "A man is in a kitchen.", 10: "A man cooks \n", 20: "Chef"},
    139: {5: "A room\twith a clock", 6: "Another room"},
    285: {99: "A bear — brown.", 8: " A bear looks at you."},
}


def jpeg(mode="RGB", size=(64, 48)) -> bytes:
    stream = io.BytesIO()
    small = Image.fromarray(RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    small.resize(size, Image.Resampling.BICUBIC).convert(mode).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def annotations(captions=CAPTIONS) -> dict:
    """Return captions_val2017.json, with the fields that it has."""
    return {
        "info": {"description": "COCO 2017 Dataset", "year": 2017},
        "licenses": [{"id": 4, "name": "Attribution License", "url": "…"}],
        "images": [
            {"license": 4, "file_name": f"{n:012}.jpg", "height": 48, "width": 64, "id": n}
            for n in captions
        ],
        "annotations": [
            {"image_id": image, "id": n, "caption": text}
            for image, texts in captions.items()
            for n, text in texts.items()
        ],
    }


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def pictures() -> dict[str, bytes]:
    modes = {139: "RGB", 285: "L", 397133: "RGB"}  # some of the published ones are grey
    sizes = {139: (64, 48), 285: (40, 40), 397133: (30, 57)}
    return {f"val2017/{n:012}.jpg": jpeg(modes[n], sizes[n]) for n in modes}


@pytest.fixture
def published(site, pictures, monkeypatch):
    """Serve both archives, and declare them."""
    told = {
        "annotations/instances_val2017.json": b"{}",
        "annotations/captions_val2017.json": json.dumps(annotations()).encode(),
        "annotations/captions_train2017.json": b"{}",
    }
    site.files = {
        "annotations_trainval2017.zip": archive(told),
        "val2017.zip": archive({"val2017/": b"", **pictures}),
    }
    monkeypatch.setattr(coco, "FILES", site.declare(coco.FILES))
    return site


def test_files_are_declared_as_published():
    assert [f.url for f in coco.FILES] == [
        "http://images.cocodataset.org/annotations/annotations_trainval2017.zip",
        "http://images.cocodataset.org/zips/val2017.zip",
    ]
    assert [len(f.sha256) for f in coco.FILES] == [64, 64]
    assert [f.size for f in coco.FILES] == [252_907_541, 815_585_330]


def test_without_the_archives_it_is_unavailable():
    with pytest.raises(Unavailable, match="run: harness data pull coco2017_captions"):
        coco.index(block=2, size=16, seed=0)


def test_a_broken_off_download_goes_on_where_it_was(published):
    published.drops = 1
    states = pull("coco2017_captions", coco.FILES)
    assert [s.state for s in states] == ["present", "present"]
    name, half = (
        "annotations_trainval2017.zip",
        len(published.files["annotations_trainval2017.zip"]) // 2,
    )
    assert published.asked == [(name, 0), (name, half), ("val2017.zip", 0)]


def test_one_caption_of_each_picture_by_the_rule(published):
    pull("coco2017_captions", coco.FILES)
    items = coco.index(block=2, size=32, seed=3)
    assert [item.id for item in items] == ["p0000", "p0002"]
    loaded = [coco.load(item, None) for item in items]
    assert [p for block in loaded for p in block.prompts] == [
        "A room\twith a clock",  # of picture 139, annotation 5
        "A bear looks at you.",  # of picture 285, annotation 8
        "A man cooks",  # of picture 397133, annotation 10
    ]
    assert {block.size for block in loaded} == {(32, 32)}
    assert items[0].sha256 != coco.index(block=2, size=16, seed=3)[0].sha256


def expected(content: bytes, size: int) -> np.ndarray:
    """Crop by slices of an array, then resize."""
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = Image.fromarray(pixels[top : top + side, left : left + side])
    return np.asarray(middle.resize((size, size), Image.Resampling.BICUBIC))


def test_reference_images_are_the_pictures_in_the_order_of_the_captions(published, pictures):
    pull("coco2017_captions", coco.FILES)
    (item,) = coco.index(block=50, size=32, seed=0)
    source = open_source(coco.load(item, None))
    (images,) = source.reference()
    assert images.size == (32, 32)
    for pixels, name in zip(images, sorted(pictures), strict=True):
        assert np.array_equal(pixels, expected(pictures[name], 32))
    digest = coco.FILES[1].sha256[:8]
    assert source.signature == (
        f"coco2017-val@{digest}|jpeg|square:centre|resize:pillow-bicubic-32"
    )
    assert not hasattr(source, "training")


def test_many_pictures_come_some_at_a_time(site, monkeypatch):
    captions = {n: {n: f"picture {n}"} for n in range(1, 121)}
    same = jpeg(size=(16, 12))
    site.files = {
        "annotations_trainval2017.zip": archive(
            {"annotations/captions_val2017.json": json.dumps(annotations(captions)).encode()}
        ),
        "val2017.zip": archive({f"val2017/{n:012}.jpg": same for n in captions}),
    }
    monkeypatch.setattr(coco, "FILES", site.declare(coco.FILES))
    pull("coco2017_captions", coco.FILES)
    items = coco.index(block=50, size=8, seed=0)
    assert [len(coco.load(item, None)) for item in items] == [50, 50, 20]
    source = open_source(coco.load(items[2], None))
    assert [len(images) for images in source.reference()] == [50, 50, 20]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told["annotations"].clear(), "picture 139 has no caption"),
        (lambda told: told["annotations"][0].update(caption=" "), "picture 397133 has no caption"),
        (lambda told: told["images"].clear(), "it lists no picture"),
        (lambda told: told.pop("images"), "images"),
        (lambda told: told["annotations"][0].pop("id"), "'id'"),
        (lambda told: told["annotations"].insert(0, 7), "not subscriptable"),
    ],
)
def test_captions_of_another_form_are_one_line(site, monkeypatch, change, said):
    told = annotations({397133: {30: "A man."}} if "397133" in said else CAPTIONS)
    change(told)
    site.files = {
        "annotations_trainval2017.zip": archive(
            {"annotations/captions_val2017.json": json.dumps(told).encode()}
        ),
        "val2017.zip": archive({}),
    }
    monkeypatch.setattr(coco, "FILES", site.declare(coco.FILES))
    pull("coco2017_captions", coco.FILES)
    with pytest.raises(ValueError, match="damaged or of another format") as raised:
        coco.index(block=50, size=32, seed=0)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("broken", ["cut", "missing", "png"])
def test_a_bad_picture_is_one_line_that_names_it(site, pictures, monkeypatch, broken):
    name = "val2017/000000000285.jpg"
    if broken == "missing":
        pictures.pop(name)
    else:
        stream = io.BytesIO()
        Image.new("RGB", (40, 40)).save(stream, "PNG")
        pictures[name] = pictures[name][:200] if broken == "cut" else stream.getvalue()
    site.files = {
        "annotations_trainval2017.zip": archive(
            {"annotations/captions_val2017.json": json.dumps(annotations()).encode()}
        ),
        "val2017.zip": archive(pictures),
    }
    monkeypatch.setattr(coco, "FILES", site.declare(coco.FILES))
    pull("coco2017_captions", coco.FILES)
    (item,) = coco.index(block=50, size=32, seed=0)
    with pytest.raises(ValueError, match=r"000000000285\.jpg is damaged or of another") as raised:
        list(open_source(coco.load(item, None)).reference())
    assert "\n" not in str(raised.value)


def test_a_damaged_archive_is_one_line(published):
    pull("coco2017_captions", coco.FILES)
    path = Path(os.environ["HARNESS_CACHE"]) / "coco2017_captions" / "val2017.zip"
    path.write_bytes(path.read_bytes()[:-1])
    os.utime(path, (1, 1))
    with pytest.raises(ValueError, match=r"val2017\.zip is damaged: sha256"):
        coco.index(block=50, size=32, seed=0)


@pytest.mark.parametrize("size", [None, 0, 1.5, True, "512"])
def test_a_size_that_cannot_be(published, size):
    pull("coco2017_captions", coco.FILES)
    with pytest.raises(ValueError, match="size must be"):
        coco.index(block=50, size=size, seed=0)
