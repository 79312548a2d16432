"""Prompts from files: what is read, and every fault as FILE:LINE and what is wrong there."""

from __future__ import annotations

import csv
import io
import os
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.datasets import prompt_file
from harness_plugins.generative.datasets.prompt_file import read_prompts
from harness_plugins.generative.images import InvalidImagesError
from harness_plugins.generative.prompts import open_source

Image = pytest.importorskip("PIL.Image")

DRAWBENCH = (
    "Prompts,Category\nA red colored car.,Colors\n"
    '"A sign that says ""Hello"", twice.",Text\nA cat,Conflicting\n'
)
PARTI = (
    "Prompt\tCategory\tChallenge\tNote\nbond\tAbstract\tBasic\tof many meanings\n"
    '"G I G G L E" painted on a wall\tIllustrations\tWriting & Symbols\t\n'
    "Salvador Dalí \tPeople\tBasic\t\n"
)


@pytest.fixture
def write(tmp_path):
    def put(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def index(path, **given):
    return prompt_file.index(
        **{"path": str(path), "seed": 0, "size": 8, "block": 50, "reference": ""} | given
    )


def test_drawbench(write):
    path = write("DrawBench.csv", DRAWBENCH)
    assert read_prompts(path) == (
        ["A red colored car.", 'A sign that says "Hello", twice.', "A cat"],
        ["Colors", "Text", "Conflicting"],
    )
    (item,) = index(path)
    block = prompt_file.load(item, None)
    assert block.categories == ("Colors", "Text", "Conflicting")
    assert block.source is None


def test_partiprompts_whose_quotation_marks_are_text(write):
    prompts, categories = read_prompts(write("PartiPrompts.tsv", PARTI))
    assert prompts == ["bond", '"G I G G L E" painted on a wall', "Salvador Dalí"]
    assert categories == ["Abstract", "Illustrations", "People"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_a_prompt_a_line(write, end, last):
    path = write("p.txt", end.join(["a, b", ' "c"', "ü"]) + end * last)
    assert read_prompts(path) == (["a, b", '"c"', "ü"], [])


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.txt"])
def test_a_byte_order_mark_is_no_text(write, name):
    text = "a b" if name == "p.txt" else "Prompt\na b"
    assert read_prompts(write(name, b"\xef\xbb\xbf" + text.encode())) == (["a b"], [])


words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1
)
texts = words.map(str.strip).filter(bool)


@given(st.lists(st.tuples(texts, words), min_size=1, max_size=8))
def test_what_is_written_is_read(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([("Category", "Prompts"), *((c, p) for p, c in rows)])
    (folder / "p.csv").write_bytes(stream.getvalue().encode())
    prompts, categories = read_prompts(folder / "p.csv")
    assert prompts == [p for p, _ in rows]
    assert categories in ([c.strip() for _, c in rows], [])
    (folder / "p.tsv").write_text("Prompt\n" + "".join(f"{p}\n" for p, _ in rows), "utf-8")
    (folder / "p.txt").write_text("".join(f"{p}\n" for p, _ in rows), "utf-8")
    for name in ("p.tsv", "p.txt"):
        # a byte order mark at the start of a text is none of it
        assert read_prompts(folder / name)[0] == [p for p, _ in rows]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.csv", "", "p.csv: the file is empty"),
        ("p.txt", "", "p.txt: there is no prompt in it"),
        ("p.csv", "Prompts,Category\n", "p.csv: there is no prompt in it"),
        ("p.csv", "Prompts\na\n\nb\n", "p.csv:3: the line is empty"),
        ("p.csv", "Prompts,Category\n ,x\n", "p.csv:2: the prompt is empty"),
        ("p.tsv", "Prompt\tCategory\n\tx\n", "p.tsv:2: the prompt is empty"),
        ("p.txt", "a\n\nb\n", "p.txt:2: the prompt is empty"),
        ("p.txt", "a\n \t\n", "p.txt:2: the prompt is empty"),
        ("p.csv", "Prompts,Prompts\na,b\n", "p.csv:1: two columns are called 'Prompts'"),
        ("p.csv", "Prompts,Prompt\na,b\n", "p.csv:1: expected one column 'Prompts' or 'Prompt'"),
        ("p.csv", "promts,x\na,b\n", "(did you mean 'Prompts'?)"),
        ("p.tsv", "Prompts,Category\na,b\n", "p.tsv:1: expected one column"),
        ("p.csv", "Prompts,Category\na\n", "p.csv:2: 1 fields, the header has 2"),
        ("p.csv", "Prompts\na, with a comma\n", "p.csv:2: 2 fields, the header has 1"),
        ("p.csv", 'Prompts\na\n"b\n', "p.csv:3: unexpected end of data"),
        ("p.csv", 'Prompts\n"a" b\n', "p.csv:2: ',' expected after '\"'"),
        (
            "p.csv",
            b"Prompts\na\nb\xe9\n",
            "p.csv:3: byte 0xe9 is no UTF-8: save the file as UTF-8",
        ),
        ("p.txt", "a\n".encode("utf-16"), "p.txt:1: byte 0xff is no UTF-8"),
        ("p.json", "[]", "is no file of prompts by its name: expected .csv, .tsv, .txt"),
    ],
)
def test_faults_are_one_line_that_says_where(write, name, content, said):
    path = write(name, content)
    with pytest.raises(ValueError) as raised:
        index(path)
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.csv: No such file"):
        index(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match="a file of prompts is needed: give it params"):
        index("")
    with pytest.raises(ValueError, match="size must be a number of pixels from 1 on, or null"):
        index(tmp_path, size=0)


SUITE = """
name: s
tasks: [t/t]
datasets: [{{name: prompt_file, params: {{path: {path}}}}}]
models: [m]
metrics: [n]
"""
FAMILY = """
from harness import Artifact, Family, Metric, Model, Stage, Task, hookimpl
from harness_plugins.generative.datasets import PUBLISHED

STAGE = Stage(name="say", run="t:say", inputs=("prompts",), outputs=(Artifact("said"),))

@hookimpl
def harness_families():
    task = Task(name="t", item="prompts", accepts="prompts", stages=(STAGE,))
    return [Family(name="t", summary="s", interface="t:M", tasks=(task,))]

@hookimpl
def harness_datasets():
    return PUBLISHED

@hookimpl
def harness_models():
    return [Model(name="m", family="t", factory="t:M")]

@hookimpl
def harness_metrics():
    return [Metric(name="n", factory="t:count", inputs=("said", "prompts"), signature="n|v1",
                   better="none", per="element")]

class M:
    pass

def say(model, inputs, point, seed):
    from harness_plugins.generative.prompts import pair_seeds
    block = inputs["prompts"]
    return {"said": repr(list(zip(block.prompts, pair_seeds(block, seed)))).encode()}

def count():
    import numpy as np
    return lambda said, prompts: np.array([len(p) for p in prompts.prompts], float)
"""


def harness(monkeypatch, capsys, *args) -> tuple[int, str, str]:
    from harness.cli import main

    monkeypatch.setattr("sys.argv", ["harness", *map(str, args)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0, *capsys.readouterr()


@pytest.fixture
def suite(write, tmp_path, monkeypatch):
    others = ",".join(p.name for p in entry_points(group="harness") if p.name != "local")
    monkeypatch.setenv("HARNESS_DISABLE_PLUGINS", others)
    monkeypatch.chdir(tmp_path)
    write("t.py", FAMILY)
    return lambda path: write("s.yaml", SUITE.format(path=path))


def test_a_suite_with_a_bad_file_ends_with_code_2(suite, write, tmp_path, monkeypatch, capsys):
    path = suite(write("p.csv", "Prompts\na\n\n"))
    code, out, err = harness(monkeypatch, capsys, "run", path, "--plugin", "t.py")
    assert (code, out) == (2, "")
    assert err == f"harness: dataset prompt_file: {tmp_path}/p.csv:3: the line is empty\n"
    assert not (tmp_path / "results").exists()


def test_a_suite_runs_on_blocks_of_prompts(suite, write, tmp_path, monkeypatch, capsys):
    path = suite(write("p.txt", "".join(f"prompt {n}\n" for n in range(120))))
    code, _, err = harness(monkeypatch, capsys, "run", path, "--plugin", "t.py", "--jobs", "1")
    assert (code, err.count("Traceback")) == (0, 0)
    pandas = pytest.importorskip("pandas")
    scores = pandas.read_parquet(next(tmp_path.glob("results/**/scores.parquet")))
    mine = scores[scores.metric == "n"]
    assert len(mine) == 120
    assert sorted(mine.item)[:2] == ["p0000:00", "p0000:01"]


# --- a folder of reference images ------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    root.mkdir()
    rng = np.random.default_rng(0)
    for number, name in enumerate(["b.jpg", "a.png", "c.PNG"]):
        pixels = rng.integers(0, 256, (10 + number, 12, 3), dtype=np.uint8)
        form = "JPEG" if name.endswith("jpg") else "PNG"
        Image.fromarray(pixels).save(root / name, form)
    for path in root.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return root


def source_of(item):
    return open_source(prompt_file.load(item, None))


def test_a_folder_of_reference_images(write, folder):
    path = write("p.txt", "a\nb\nc\n")
    items = index(path, reference=str(folder), block=2)
    assert len(items) == 2
    source = source_of(items[1])
    (images,) = source.reference()
    assert (len(images), images.size) == (3, (8, 8))
    pixels = np.asarray(Image.open(folder / "a.png"))[0:11, 0:11]  # the first by name: 11 x 12
    wanted = Image.fromarray(pixels).resize((8, 8), Image.Resampling.BICUBIC)
    assert np.array_equal(images.bytes_()[0], np.asarray(wanted))
    assert source.signature.endswith("|n3|jpeg(lossy)+png|square:centre|resize:pillow-bicubic-8")


def test_the_digest_of_an_item_is_that_of_all_files_wherever_they_lie(write, folder, tmp_path):
    path = write("p.txt", "a\n")
    (item,) = index(path, reference=str(folder))
    (plain,) = index(path)
    moved = folder.rename(tmp_path / "moved")
    assert index(path, reference=str(moved))[0].sha256 == item.sha256 != plain.sha256
    (moved / "c.PNG").write_bytes((moved / "a.png").read_bytes())
    assert index(path, reference=str(moved))[0].sha256 != item.sha256
    (moved / "c.PNG").unlink()
    assert index(path, reference=str(moved))[0].sha256 != item.sha256


def test_images_of_one_size_are_used_as_they_are_stored(write, folder):
    path = write("p.txt", "a\n")
    (item,) = index(path, reference=str(folder), size=None)
    assert prompt_file.load(item, None).size is None
    with pytest.raises(InvalidImagesError, match=r"b\.jpg is 10 x 12, those before it 11 x 12"):
        list(source_of(item).reference())
    for name in ("b.jpg", "c.PNG"):
        (folder / name).unlink()
    (item,) = index(path, reference=str(folder), size=None)
    source = source_of(item)
    (images,) = source.reference()
    assert np.array_equal(images.bytes_()[0], np.asarray(Image.open(folder / "a.png")))
    assert source.signature.endswith("|n1|png|as-stored")


def test_a_folder_changed_since_the_plan(write, folder):
    (item,) = index(write("p.txt", "a\n"), reference=str(folder))
    (folder / "b.jpg").unlink()
    with pytest.raises(ValueError, match="was changed: its images are not those of the plan"):
        source_of(item).reference()


def test_folders_that_will_not_do(write, folder, tmp_path):
    path = write("p.txt", "a\n")
    with pytest.raises(ValueError, match="there is no directory"):
        index(path, reference=str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".hidden.png").write_bytes(b"")
    with pytest.raises(ValueError, match="holds no image"):
        index(path, reference=str(tmp_path / "empty"))
    (folder / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=r"notes\.txt is no image by its name: expected \.bmp"):
        index(path, reference=str(folder))


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (Image.new("RGBA", (9, 9)), "mode RGBA cannot be a plain RGB one"),
        (Image.new("I;16", (9, 9)), "mode I;16 cannot be a plain RGB one"),
        (None, "cannot identify"),
    ],
)
def test_pictures_that_will_not_do(write, folder, image, said):
    if image:
        image.save(folder / "d.png")
    else:
        (folder / "d.png").write_bytes((folder / "b.jpg").read_bytes())
    (item,) = index(write("p.txt", "a\n"), reference=str(folder))
    with pytest.raises(ValueError, match=r"d\.png is damaged or of another format") as raised:
        list(source_of(item).reference())
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
