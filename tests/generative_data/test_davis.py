"""DAVIS 2017, read from a small archive in its published form."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from harness.data import pull
from harness.spec import Unavailable
from harness_plugins.generative.datasets import davis

Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)
PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] + [0] * (768 - 12)
EDITS = (
    "sequence,source_prompt,prompt\n"
    'bear,"a brown bear, walking",a polar bear\n'
    "dog-agility,a dog jumps,a fox jumps\nbear,a brown bear,a bear of glass\n"
)


def frame(size) -> tuple[bytes, np.ndarray]:
    small = Image.fromarray(RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8))
    stream = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG")
    return stream.getvalue(), np.asarray(Image.open(io.BytesIO(stream.getvalue())))


def annotation(size, objects) -> tuple[bytes, np.ndarray]:
    """Return a PNG whose palette index is the number of the object, as DAVIS has them."""
    numbers = RNG.integers(0, objects + 1, (size[1], size[0]), dtype=np.uint8)
    image = Image.fromarray(numbers, "L").convert("P")
    image.putdata(numbers.ravel().tolist())
    image.putpalette(PALETTE)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue(), numbers


@pytest.fixture
def sequences() -> dict[str, list[tuple]]:
    return {
        name: [(frame(size), annotation(size, objects)) for _ in range(n)]
        for name, size, objects, n in (("bear", (54, 30), 1, 10), ("dog-agility", (40, 30), 3, 8))
    }


def archive(sequences) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("DAVIS/README.md", "DAVIS 2017")
        made.writestr("DAVIS/ImageSets/2017/val.txt", "\n".join(sequences))
        for folder in ("DAVIS/", "DAVIS/JPEGImages/", "DAVIS/JPEGImages/480p/"):
            made.writestr(folder, b"")
        for name, frames in sequences.items():
            made.writestr(f"DAVIS/JPEGImages/480p/{name}/", b"")
            for number, ((jpeg, _), (png, _)) in enumerate(frames):
                made.writestr(f"DAVIS/JPEGImages/480p/{name}/{number:05}.jpg", jpeg)
                made.writestr(f"DAVIS/Annotations/480p/{name}/{number:05}.png", png)
    return stream.getvalue()


@pytest.fixture
def published(site, sequences, monkeypatch):
    """Serve an archive, declare it and fetch it."""

    def serve(made=sequences):
        site.files = {"DAVIS-2017-trainval-480p.zip": archive(made)}
        monkeypatch.setattr(davis, "FILES", site.declare(davis.FILES))
        pull("davis2017", davis.FILES)

    serve()
    return serve


@pytest.fixture
def edits(tmp_path):
    def write(text=EDITS, name="edits.csv"):
        (tmp_path / name).write_text(text, "utf-8")
        return str(tmp_path / name)

    return write


def index(prompts, **given):
    return davis.index(**{"prompts": prompts, "frames": 8, "size": 16} | given)


def test_the_file_is_declared_as_published():
    (file,) = davis.FILES
    assert file.url.endswith("/davis/DAVIS-2017-trainval-480p.zip")
    assert (len(file.sha256), file.size) == (64, 832_766_765)


def test_without_the_archive_it_is_unavailable(edits):
    with pytest.raises(Unavailable, match="run: harness data pull davis2017"):
        index(edits())


def test_an_item_is_an_edit_of_the_first_frames(published, sequences, edits):
    items = index(edits(), size=None)
    assert [item.id for item in items] == ["bear-0", "dog-agility-0", "bear-1"]
    assert len({item.sha256 for item in items}) == 3
    for item in items:
        found = davis.load(item, None)
        truth = sequences[item.id.rpartition("-")[0]][:8]
        assert np.array_equal(found["frames"], [pixels for (_, pixels), _ in truth])
        assert np.array_equal(found["mask"], [numbers > 0 for _, (_, numbers) in truth])
        assert (found["frames"].dtype, found["mask"].dtype) == (np.uint8, np.bool_)
    assert davis.load(items[0], None)["source_prompt"] == "a brown bear, walking"
    assert davis.load(items[0], None)["prompt"] == "a polar bear"


def test_frames_and_masks_are_cut_to_the_same_square(published, sequences, edits):
    item = index(edits(), frames=2, size=15)[0]
    found = davis.load(item, None)
    assert found["frames"].shape == (2, 15, 15, 3)
    assert found["mask"].shape == (2, 15, 15)
    (_, pixels), (_, numbers) = sequences["bear"][1]
    middle = np.s_[:, 12:42]  # 30 of the 54 columns
    wanted = Image.fromarray(pixels[middle]).resize((15, 15), Image.Resampling.BICUBIC)
    assert np.array_equal(found["frames"][1], np.asarray(wanted))
    assert np.array_equal(found["mask"][1], (numbers[middle] > 0)[1::2, 1::2])


def test_a_digest_is_of_the_archive_the_texts_and_the_protocol(published, sequences, edits):
    first = index(edits())[0].sha256
    assert index(edits(), frames=7)[0].sha256 != first
    assert index(edits(), size=8)[0].sha256 != first
    assert index(edits(EDITS.replace("polar", "black")))[0].sha256 != first
    assert index(edits(name="other.csv"))[0].sha256 == first
    published({name: frames[::-1] for name, frames in sequences.items()})
    assert index(edits())[0].sha256 != first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sequence,source,prompt\n", "edits.csv:1: there is no column 'source_prompt'"),
        ("sequence,source_prompts,prompt\n", "did you mean 'source_prompts'?"),
        ("sequence,source_prompt,prompt\n", "edits.csv: there is no edit in it"),
        (EDITS + "baer,a,b\n", "edits.csv:5: DAVIS has no sequence 'baer' (did you mean 'bear'?)"),
        (EDITS + "bear, ,b\n", "edits.csv:5: source_prompt is empty"),
        (EDITS + "bear,a\n", "edits.csv:5: 2 fields, the header has 3"),
        ("", "edits.csv: the file is empty"),
    ],
)
def test_faults_of_the_texts_are_one_line(published, edits, text, said):
    with pytest.raises(ValueError) as raised:
        index(edits(text))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_the_archive_has_not(published, sequences, edits):
    with pytest.raises(ValueError, match="DAVIS publishes no texts of edits: give it params"):
        index("")
    with pytest.raises(ValueError, match=r"edits\.csv:3: dog-agility has 8 frames, not 9"):
        index(edits(), frames=9)
    with pytest.raises(ValueError, match="frames must be a whole number from 1 on, got 0"):
        index(edits(), frames=0)
    published({})
    with pytest.raises(ValueError, match="it has no sequence in DAVIS/JPEGImages/480p"):
        index(edits())


@pytest.mark.parametrize("part", [0, 1])
def test_a_damaged_picture_is_one_line(published, sequences, edits, part):
    bad = [list(entry) for entry in sequences["bear"]]
    bad[3][part] = (bad[3][part][0][:60], None)
    published({**sequences, "bear": bad})
    item = index(edits())[0]
    with pytest.raises(ValueError, match="damaged or of another format") as raised:
        davis.load(item, None)
    assert "\n" not in str(raised.value)


def test_an_annotation_of_another_size_or_mode(published, sequences, edits):
    bad = [list(entry) for entry in sequences["bear"]]
    bad[3][1] = annotation((10, 10), 1)
    published({**sequences, "bear": bad})
    with pytest.raises(ValueError, match="frame 3 of bear and its annotation differ in size"):
        davis.load(index(edits(), size=None)[0], None)
    stream = io.BytesIO()
    Image.new("RGB", (54, 30)).save(stream, "PNG")
    bad[3][1] = (stream.getvalue(), None)
    published({**sequences, "bear": bad})
    with pytest.raises(ValueError, match="an annotation of mode RGB"):
        davis.load(index(edits(), size=None)[0], None)
