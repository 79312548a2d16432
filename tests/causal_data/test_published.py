"""The published problems, read from small files in the format their authors publish."""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import os
import shutil
import tarfile
import threading
import tracemalloc
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from harness.data import pull
from harness.run.plan import dataset_items
from harness.spec import Resource, Unavailable
from harness.suite.suite import SuiteDataset
from harness_plugins.causal import stages
from harness_plugins.causal.datasets import (
    DATASETS,
    causal3dident,
    causal_circuit,
    causal_triplet,
    published,
)

Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)
OLD = 1_700_000_000
PAIRED = {"x", "z", "noise", "targets", "split", "adjacency", "budget"}


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch) -> Path:
    """Point the data folder and the cache at empty places."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


def picture(side: int) -> np.ndarray:
    """Return a picture of a few large tiles, which packs fast."""
    small = Image.fromarray(RNG.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    return np.asarray(small.resize((side, side), Image.Resampling.NEAREST))


def encoded(image: np.ndarray, form: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, form, compress_level=1)
    return stream.getvalue()


def expected(data: bytes) -> np.ndarray:
    """Return the mean colour of each of the 64 × 64 areas."""
    image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.BOX))


def one_line(error) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_pictures_are_made_small_by_averaging_areas(mode):
    image = Image.fromarray(RNG.integers(0, 256, (512, 512, 3), dtype=np.uint8)).convert(mode)
    areas = np.asarray(image.convert("RGB")).reshape(64, 8, 64, 8, 3)
    found = published.shrink(image)
    assert found.dtype == np.uint8
    assert np.abs(found - areas.mean(axis=(1, 3))).max() <= 1  # Pillow rounds in both directions


# --- CausalCircuit --------------------------------------------------------------------


def circuit_archive(path: Path, n: int, save=np.savez, **changed) -> dict[str, np.ndarray]:
    """Write an archive of n pairs as the dataset's page describes it."""
    jpegs = [[encoded(picture(512), "JPEG") for _ in range(2)] for _ in range(n)]
    arrays = {
        "original_latents": RNG.random((n, 2, 4)),
        "epsilon": RNG.standard_normal((n, 2, 4)),
        "imgs": np.array(jpegs),
        "pressed": RNG.random((n, 2, 3)),
        "intervention_labels": np.arange(n) % 5,
        "intervention_masks": np.arange(n)[:, None] % 5 == np.arange(1, 5),
        **changed,
    }
    assert arrays["imgs"].dtype.kind in "SO"
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, **{k: v for k, v in arrays.items() if v is not None})
    os.utime(path, (OLD, OLD))
    return arrays


@pytest.fixture
def circuit(data) -> dict[str, dict[str, np.ndarray]]:
    root = data / "causal_circuit"
    return {
        name: circuit_archive(root / f"{name}.npz", n, save)
        for name, n, save in (
            ("train-0", 3, np.savez),
            ("train-1", 3, np.savez_compressed),
            ("train-10", 2, np.savez),
            ("val", 2, np.savez),
            ("test", 4, np.savez),
        )
    }


def circuit_index(train=5, val=1, test=4, budget=9, folder=""):
    return causal_circuit.index(train, val, test, budget, folder)


def test_circuit_is_read_as_published(circuit):
    (item,) = circuit_index()
    found = causal_circuit.load(item, None)
    assert set(found) == PAIRED
    parts = [("train-0", 3), ("train-1", 2), ("val", 1), ("test", 4)]
    for ours, theirs in (
        ("z", "original_latents"),
        ("noise", "epsilon"),
        ("targets", "intervention_masks"),
    ):
        assert np.array_equal(
            found[ours], np.concatenate([circuit[name][theirs][:n] for name, n in parts])
        )
    jpegs = np.concatenate([circuit[name]["imgs"][:n] for name, n in parts])
    pictures = np.array([[expected(half) for half in pair] for pair in jpegs])
    assert np.array_equal(found["x"], pictures)
    assert found["split"].tolist() == [0] * 5 + [1] + [2] * 4
    assert (found["z"].dtype, found["targets"].dtype) == (np.float64, np.bool_)
    edges = {tuple(e) for e in np.argwhere(found["adjacency"])}
    assert edges == {(3, 0), (3, 1), (3, 2), (1, 0), (2, 0)}
    given = stages.observe(None, {"problem": found}, {}, None)
    assert given["test"]["x_after"].shape == (4, 64, 64, 3)


def test_circuit_shards_follow_their_numbers_not_their_names(circuit):
    (item,) = circuit_index(train=8)
    assert [Path(f).stem for f in item.meta["files"]][:3] == ["train-0", "train-1", "train-10"]


def test_circuit_from_one_training_archive_in_another_directory(tmp_path):
    root = tmp_path / "elsewhere"
    for name, n in (("train", 3), ("val", 1), ("test", 1)):
        circuit_archive(root / f"{name}.npz", n)
    (item,) = circuit_index(train=3, test=1, folder=str(root))
    assert causal_circuit.load(item, None)["x"].shape == (5, 2, 64, 64, 3)
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    (moved,) = circuit_index(train=3, test=1, folder=str(copy))
    assert moved.sha256 == item.sha256  # of the content, wherever it lies
    circuit_archive(copy / "val.npz", 1)
    assert circuit_index(train=3, test=1, folder=str(copy))[0].sha256 != item.sha256
    assert circuit_index(train=2, test=1, folder=str(root))[0].sha256 != item.sha256


def test_circuit_reads_no_more_pictures_than_asked_for(data):
    root = data / "causal_circuit"
    wide = np.full((800, 2), b"x" * 30_000)  # 48 MB
    wide[:2] = [[encoded(picture(512), "JPEG") for _ in range(2)] for _ in range(2)]
    circuit_archive(root / "train.npz", 2)  # asserts the form of the others
    arrays = {"original_latents": np.zeros((800, 2, 4)), "epsilon": np.zeros((800, 2, 4))}
    np.savez(root / "train.npz", imgs=wide, intervention_masks=np.zeros((800, 4)), **arrays)
    for name in ("val", "test"):
        circuit_archive(root / f"{name}.npz", 1)
    (item,) = circuit_index(train=2, test=1)
    del wide
    tracemalloc.start()
    found = causal_circuit.load(item, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["x"].shape[0] == 4
    assert peak < 8e6


def test_circuit_that_is_not_here_says_how_to_get_it(data):
    with pytest.raises(Unavailable, match="causal_circuit is not on this machine") as raised:
        circuit_index()
    assert "developer.qualcomm.com" in raised.value.remedy
    assert "params {folder: DIRECTORY}" in raised.value.remedy
    (data / "causal_circuit").mkdir(parents=True)
    with pytest.raises(Unavailable, match=r"holds no \.npz file"):
        circuit_index()
    with pytest.raises(ValueError, match="there is no directory"):
        circuit_index(folder="/nowhere/at/all")


@pytest.mark.parametrize("name", ["causal_circuit", "causal3dident", "causal_triplet"])
def test_missing_data_is_unavailable_for_a_suite(name):
    dataset = next(d for d in DATASETS if d.name == name)
    use = SuiteDataset(dataset=dataset, params=dict(dataset.params), items=("*",))
    with pytest.raises(Unavailable, match="is not on this machine"):
        dataset_items(use)


def test_circuit_with_too_few_pairs(circuit):
    with pytest.raises(ValueError, match="holds 8 train pairs, not 9"):
        circuit_index(train=9)


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    os.utime(path, (OLD + 1, OLD + 1))


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_circuit_cut_short_is_one_line(circuit, data, share):
    path = data / "causal_circuit" / "train-0.npz"
    cut(path, share)
    with pytest.raises(ValueError, match="is damaged or of another format") as raised:
        circuit_index()
    assert str(path) in one_line(raised)


def test_circuit_changed_since_the_plan_is_one_line(circuit, data):
    (item,) = circuit_index()
    circuit_archive(data / "causal_circuit" / "val.npz", 2)
    with pytest.raises(ValueError, match=r"val\.npz was changed") as raised:
        causal_circuit.load(item, None)
    one_line(raised)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"imgs": np.full((2, 2), encoded(picture(512), "JPEG")[:3000])}, "truncated"),
        ({"imgs": np.full((2, 2), b"no picture")}, "cannot identify"),
        ({"imgs": np.full((2, 2), b"x", object)}, "imgs is object"),
        ({"imgs": np.full((2, 3), b"x")}, r"expected bytes \(N, 2\)"),
        ({"imgs": None}, "imgs"),
        ({"epsilon": None}, "epsilon"),
        ({"epsilon": np.zeros((2, 2, 3))}, "shapes"),
        ({"intervention_masks": np.zeros((1, 4))}, "shapes"),
    ],
)
def test_circuit_with_a_fault_inside_is_one_line(circuit, data, changed, said):
    path = data / "causal_circuit" / "val.npz"
    good = circuit_archive(path, 2)
    np.savez(path, **{k: v for k, v in {**good, **changed}.items() if v is not None})
    (item,) = circuit_index(val=2)
    with pytest.raises(ValueError, match=said) as raised:
        causal_circuit.load(item, None)
    assert str(path) in one_line(raised)


# --- Causal3DIdent --------------------------------------------------------------------


def ident_archive(path: Path, name: str, counts: list[int], *, prefix: str = "", late=True):
    """Write an archive as it is on Zenodo: pictures of 224 × 224, and latents, of each class."""
    latents, pngs = {}, {}
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:

        def add(inside: str, data: bytes) -> None:
            info = tarfile.TarInfo(f"{prefix}{name}/{inside}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

        for c, n in enumerate(counts):
            latents[c] = RNG.uniform(-1, 1, (n, 10)).astype(np.float32)
            stream = io.BytesIO()
            np.save(stream, latents[c])
            first = [] if late else [(f"raw_latents_{c}.npy", stream.getvalue())]
            last = [(f"raw_latents_{c}.npy", stream.getvalue())] if late else []
            pngs[c] = [encoded(picture(224), "PNG") for _ in range(n)]
            images = [(f"images_{c}/{i:05d}.png", png) for i, png in enumerate(pngs[c])]
            for inside, data in [*first, *images, *last, (f"latents_{c}.npy", b"not read")]:
                add(inside, data)
    os.utime(path, (OLD, OLD))
    return latents, pngs


def declare(monkeypatch, folder: Path, url: str = "http://127.0.0.1:1") -> tuple[Resource, ...]:
    """Declare the files of a folder as the published ones, by the digests they have."""
    files = tuple(
        Resource(
            name=file.name,
            url=f"{url}/{file.name}?download=1",
            sha256=f"md5:{hashlib.md5((folder / file.name).read_bytes()).hexdigest()}",
        )
        for file in causal3dident.FILES
    )
    monkeypatch.setattr(causal3dident, "FILES", files)
    return files


@pytest.fixture
def ident(tmp_path, monkeypatch):
    """Serve two small archives from a loopback server."""
    site = tmp_path / "site"
    site.mkdir()
    made = {
        "train": ident_archive(site / "trainset.tar.gz", "trainset", [4] * 7),
        "test": ident_archive(
            site / "testset.tar.gz", "testset", [3] * 7, prefix="./", late=False
        ),
    }
    handler = functools.partial(SimpleHTTPRequestHandler, directory=site)
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *args: None)
    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    files = declare(monkeypatch, site, f"http://127.0.0.1:{server.server_port}")
    yield made, files
    server.shutdown()
    server.server_close()
    thread.join()


def test_ident_is_declared_as_zenodo_states_it():
    dataset = next(d for d in DATASETS if d.name == "causal3dident")
    assert [f.name for f in dataset.files] == ["trainset.tar.gz", "testset.tar.gz"]
    for file in dataset.files:
        assert file.url == f"https://zenodo.org/records/4784282/files/{file.name}?download=1"
        assert file.sha256.startswith("md5:")
        assert len(file.sha256) == 36


def test_ident_is_fetched_and_read_as_published(ident, tmp_path):
    made, files = ident
    with pytest.raises(Unavailable, match="run: harness data pull causal3dident"):
        causal3dident.index(2, 1, 2, 9)
    states = pull("causal3dident", files)
    assert [s.state for s in states] == ["present", "present"]
    items = causal3dident.index(2, 1, 2, 9)
    assert [i.id for i in items] == list(causal3dident.CLASSES)
    assert len({i.sha256 for i in items}) == 7
    for c in (0, 1, 5):
        found = causal3dident.load(items[c], None)
        assert set(found) == PAIRED - {"noise"}
        latents = [made["train"][0][c][:3], made["test"][0][c][:2]]
        assert np.array_equal(found["z"], np.concatenate(latents)[:, None].astype(np.float64))
        pngs = [*made["train"][1][c][:3], *made["test"][1][c][:2]]
        assert np.array_equal(found["x"], np.array([expected(png) for png in pngs])[:, None])
        assert found["split"].tolist() == [0, 0, 1, 2, 2]
        assert not found["targets"].any()
        assert found["targets"].shape == (5, 10)
        given = stages.observe(None, {"problem": found}, {}, None)
        assert set(given["test"]) == {"x"}  # no pairs
        assert given["train"]["pairs"].shape == (2, 1, 64, 64, 3)


def test_ident_graphs_differ_between_classes(ident):
    pull("causal3dident", ident[1])
    names = causal3dident.VARIABLES
    edges = {}
    for item in causal3dident.index(1, 1, 1, 9):
        found = causal3dident.load(item, None)["adjacency"]
        edges[item.id] = {(names[i], names[j]) for i, j in np.argwhere(found)}
    place = {("spotlight position", "object x")}
    hues = {("spotlight hue", "object hue"), ("background hue", "object hue")}
    assert edges.pop("teapot") == set()
    assert edges.pop("hare") == edges.pop("dragon") == place | hues
    assert all(found == place for found in edges.values())
    assert len(edges) == 4


def placed(ident, data) -> Path:
    """Pull, then move the files to where a user would put them."""
    pull("causal3dident", ident[1])
    cached = Path(os.environ["HARNESS_CACHE"]) / "causal3dident"
    shutil.copytree(cached, data / "causal3dident")
    return data / "causal3dident"


def test_ident_cut_short_is_one_line(ident, data):
    root = placed(ident, data)
    cut(root / "trainset.tar.gz", 0.5)
    with pytest.raises(ValueError, match=r"trainset\.tar\.gz is damaged: sha256 md5:") as raised:
        causal3dident.index(2, 1, 2, 9)
    one_line(raised)


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_ident_published_cut_short_is_one_line(ident, data, monkeypatch, share):
    root = placed(ident, data)
    cut(root / "trainset.tar.gz", share)
    declare(monkeypatch, root)  # as if that was what its publisher had
    with pytest.raises(ValueError, match="is damaged or of another format") as raised:
        causal3dident.load(causal3dident.index(4, 0 + 1, 2, 9)[6], None)
    assert str(root / "trainset.tar.gz") in one_line(raised)


def test_ident_with_too_few_pictures(ident, data):
    placed(ident, data)
    with pytest.raises(ValueError, match="it holds 4 of 5 pictures of class 0"):
        causal3dident.load(causal3dident.index(4, 1, 2, 9)[0], None)


# --- Causal Triplet -------------------------------------------------------------------


def scene(root: Path, number: int, actions: list[tuple[str, str]]) -> None:
    """Write a scene as the authors' generator does."""
    folder = root / f"proc_{number:05d}"
    for part in ("color", "mask", "bbox"):
        (folder / part).mkdir(parents=True)
    rows = []
    for n, (noun, verb) in enumerate(actions, start=1):
        for figure, action in (
            (f"{n:05d}_first", "none"),
            (f"{n:05d}_second_{noun}_{verb}", verb),
        ):
            path = folder / "color" / f"{figure}.png"
            path.write_bytes(encoded(picture(672), "PNG"))
            os.utime(path, (OLD, OLD))
            rows.append([folder.name, n, figure, noun, action, 10, 20, 110, 220])
    with (folder / "annotations.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


@pytest.fixture
def triplet(data) -> Path:
    root = data / "causal_triplet"
    scene(root, 0, [("Fridge", "open"), ("Mug", "dirty"), ("Bread", "cook")])
    scene(root, 1, [("Lamp", "turnoff"), ("Fridge", "close")])
    scene(root, 2, [("Bowl", "break"), ("Lamp", "turnon"), ("Apple", "slice")])
    scene(root, 3, [("Mug", "clean"), ("Roll", "use")])
    return root


STATES = {
    "open": (0, 1),
    "close": (0, -1),
    "dirty": (1, 1),
    "clean": (1, -1),
    "turnon": (2, 1),
    "turnoff": (2, -1),
    "break": (3, 1),
    "use": (4, 1),
    "slice": (5, 1),
}


def test_triplet_is_read_as_published(triplet):
    (item,) = causal_triplet.index(2, 2, 2, 9, "")
    found = causal_triplet.load(item, None)
    assert set(found) == PAIRED - {"noise"}
    assert found["x"].shape == (6, 2, 64, 64, 3)
    assert sorted(found["split"].tolist()) == [0, 0, 1, 1, 2, 2]
    files = [Path(f) for f in item.meta["files"]]
    for row in range(6):
        before, after = files[2 * row : 2 * row + 2]
        assert before.name == f"{after.name[:5]}_first.png"
        assert before.parent == after.parent
        assert np.array_equal(found["x"][row, 0], expected(before.read_bytes()))
        assert np.array_equal(found["x"][row, 1], expected(after.read_bytes()))
        variable, state = STATES[after.stem.rpartition("_")[2]]
        assert found["targets"][row].nonzero()[0].tolist() == [variable]
        assert found["z"][row, :, variable].tolist() == [-state, state]
        assert not np.delete(found["z"][row], variable, axis=1).any()
    assert not found["adjacency"].any()
    stages.observe(None, {"problem": found}, {}, None)


def test_triplet_parts_scenes_and_leaves_out_what_the_authors_do(triplet):
    (item,) = causal_triplet.index(2, 2, 2, 9, "")
    split = causal_triplet.load(item, None)["split"]
    rooms = {}
    for row, file in enumerate(item.meta["files"][::2]):
        rooms.setdefault(Path(file).parts[-3], set()).add(int(split[row]))
    assert all(len(splits) == 1 for splits in rooms.values())
    assert "cook" not in item.meta["actions"]
    tests = [f for f, s in zip(item.meta["files"][::2], split, strict=True) if s == 2]
    (fewer,) = causal_triplet.index(1, 2, 2, 9, "")
    assert fewer.meta["files"][: 2 * len(tests) : 2] == tests  # the test pairs stay


def test_triplet_faults_are_one_line(triplet, data):
    with pytest.raises(ValueError, match="train pairs, not 9"):
        causal_triplet.index(9, 1, 1, 9, "")
    (item,) = causal_triplet.index(2, 2, 2, 9, "")
    path = Path(item.meta["files"][3])
    whole = path.read_bytes()
    cut(path, 0.5)
    with pytest.raises(ValueError, match="was changed"):
        causal_triplet.load(item, None)
    (again,) = causal_triplet.index(2, 2, 2, 9, "")
    with pytest.raises(ValueError, match=r"is damaged or .*truncated") as raised:
        causal_triplet.load(again, None)
    assert str(path) in one_line(raised)
    path.unlink()
    with pytest.raises(ValueError, match="is missing"):
        causal_triplet.index(2, 2, 2, 9, "")
    path.write_bytes(whole)
    table = path.parents[1] / "annotations.csv"
    good = table.read_text()
    action = path.stem.rpartition("_")[2]
    for bad, said in ((good.replace(f",{action},", ",paint,"), "unknown action 'paint'"),
                      (good + "1,2\n", "a row of 2 fields")):  # fmt: skip
        table.write_text(bad)
        with pytest.raises(ValueError, match=said):
            causal_triplet.index(3, 2, 2, 9, "")


def test_triplet_that_is_not_here_says_how_to_get_it(data):
    with pytest.raises(Unavailable, match="causal_triplet is not on this machine") as raised:
        causal_triplet.index(2, 2, 2, 9, "")
    assert "zenodo.org/records/7813658" in raised.value.remedy
    (data / "causal_triplet").mkdir(parents=True)
    with pytest.raises(Unavailable, match="holds no proc_"):
        causal_triplet.index(2, 2, 2, 9, "")
