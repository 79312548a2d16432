"""Published curves: every real file is read right, and nothing but ValueError comes of others."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness_plugins.codec.importers import read_compressai, read_coolchic, read_tfc

PSNR = Path("PSNR_sRGB_RGB/codec.txt")
MS_SSIM = Path("MS-SSIM_sRGB_RGB/codec.txt")
TITLE = '# Aggregate rate-distortion data for "Codec" on kodak.\n'
HEADER = "lmbda\tseq_name\tn_pixels\tloss\tpsnr_db\trate_bpp\n"


def compressai(results: object, name: object = "codec", **given) -> bytes:
    return json.dumps({"name": name, "results": results, **given}).encode()


def values(scores, metric: str) -> list[float]:
    """Return the values of a metric in order of position, which must be 0, 1, 2, …"""
    rows = sorted((s.position, s.value) for s in scores if s.metric == metric)
    assert [position for position, _ in rows] == list(range(len(rows)))
    return [value for _, value in rows]


def test_compressai_points_in_order_of_rate():
    data = compressai({"psnr-rgb": [33, 30.5], "bpp": [1.0, 0.5], "encoding_time": [9, 9]})
    scores = read_compressai(Path("codec.json"), data)
    assert values(scores, "bpp") == [0.5, 1.0]
    assert values(scores, "psnr_rgb") == [30.5, 33.0]
    assert {s.metric for s in scores} == {"bpp", "psnr_rgb"}
    assert {(s.model, s.dataset, s.item, s.signature) for s in scores} == {
        ("codec", "kodak", None, "published")
    }
    assert {s.metric: s.unit for s in scores} == {"bpp": "bit/px", "psnr_rgb": "dB"}


def test_compressai_ms_ssim_in_db_too():
    data = compressai({"ms-ssim-rgb": [0.9, 0.99], "bpp": [0.5, 1.0]})
    scores = read_compressai(Path("codec.json"), data)
    assert values(scores, "ms_ssim") == [0.9, 0.99]
    assert values(scores, "ms_ssim_db") == pytest.approx([10.0, 20.0], abs=1e-9)
    signatures = {s.metric: s.signature for s in scores}
    assert signatures["ms_ssim"] == "published"
    assert signatures["ms_ssim_db"] == "published|-10*log10(1-mean)"


def test_compressai_quoted_db_stands_as_it_is():
    both = {"ms-ssim-rgb": [0.9], "ms-ssim-db-rgb": [11.0], "bpp": [0.5]}
    scores = read_compressai(Path("codec.json"), compressai(both))
    assert values(scores, "ms_ssim_db") == [11.0]
    assert {s.signature for s in scores} == {"published"}


@pytest.mark.parametrize(
    ("path", "name", "label"),
    [
        ("vtm.json", "VTM", "VTM"),
        ("jpeg_2000.json", "JPEG 2000", "JPEG 2000"),
        ("mbt2018_mse_cpu.json", "mbt2018", "mbt2018 (mbt2018_mse_cpu)"),
        ("x.json", "two\nlines", "two lines (x)"),
        ("x.json", "", "(x)"),
        ("x.json", "\ud800\x1b[31mred\x00", "[31mred (x)"),
    ],
)
def test_label_tells_files_of_one_name_apart(path, name, label):
    data = compressai({"psnr-rgb": [33], "bpp": [1.0]}, name)
    assert {s.model for s in read_compressai(Path(path), data)} == {label}


@pytest.mark.parametrize(
    ("path", "meta", "dataset"),
    [
        ("kodak/x.json", {}, "kodak"),
        ("x.json", {"meta": {"dataset": "tecnick"}}, "tecnick"),
        ("clic2020-mobile/x.json", {}, "clic2020-mobile"),
        ("clic2020-mobile/x.json", {"meta": {"dataset": "kodak"}}, "kodak"),
        ("x.json", {"meta": "?"}, "kodak"),
        ("x.json", {"meta": {"dataset": 7}}, "kodak"),
    ],
)
def test_compressai_dataset(path, meta, dataset):
    data = compressai({"psnr-rgb": [33], "bpp": [1.0]}, **meta)
    assert {s.dataset for s in read_compressai(Path(path), data)} == {dataset}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"name": "x",\n "results": }', r"x\.json:2: Expecting value"),
        (b"\xff", "no UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "expected name and results"),
        (b"{}", "expected name and results"),
        (compressai([]), "expected name and results"),
        (compressai({}, name=None), "expected name and results"),
        (compressai({"bpp": [1.0]}), "expected bpp and one of psnr-rgb"),
        (compressai({"psnr-rgb": [33]}), "expected bpp and one of"),
        (compressai({"bpp": 1.0, "psnr-rgb": [33]}), "bpp is no list"),
        (compressai({"bpp": [], "psnr-rgb": []}), "no point"),
        (compressai({"bpp": [1, 2], "psnr-rgb": [33]}), "different lengths, .*'bpp': 2"),
        (compressai({"bpp": ["x"], "psnr-rgb": [33]}), r"bpp\[0\]: 'x' is no finite number"),
        (compressai({"bpp": [True], "psnr-rgb": [33]}), "'True' is no finite number"),
        (compressai({"bpp": [math.nan], "psnr-rgb": [33]}), "'nan' is no finite number"),
        (compressai({"bpp": [1], "psnr-rgb": [math.inf]}), "'inf' is no finite number"),
        (compressai({"bpp": [10**400], "psnr-rgb": [33]}), "is no finite number"),
        (compressai({"bpp": [0], "psnr-rgb": [33]}), "point 1: bpp is 0, expected"),
        (compressai({"bpp": [1], "ms-ssim-rgb": [1.0]}), "ms_ssim is 1, expected"),
        (compressai({"bpp": [1], "ms-ssim-rgb": [97.0]}), "ms_ssim is 97, expected"),
    ],
)
def test_compressai_that_is_none(data, said):
    with pytest.raises(ValueError, match=said) as raised:
        read_compressai(Path("x.json"), data)
    assert str(raised.value).startswith("x.json")
    assert "\n" not in str(raised.value)


def test_tfc():
    data = (TITLE + "#\n\n1.5, 33\n\n0.5,30.5\n").encode()
    scores = read_tfc(PSNR, data)
    assert values(scores, "bpp") == [0.5, 1.5]
    assert values(scores, "psnr_rgb") == [30.5, 33.0]
    assert {(s.model, s.dataset) for s in scores} == {("Codec (tfc/codec)", "kodak")}
    other = TITLE.replace("kodak", "tecnick") + "1, .9"
    scores = read_tfc(MS_SSIM, other.encode())
    assert values(scores, "ms_ssim_db") == pytest.approx([10.0], abs=1e-9)
    assert scores[0].dataset == "tecnick"


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (Path("x/codec.txt"), TITLE + "1, 2", "expected it in a folder PSNR_sRGB_RGB or MS-SSIM"),
        (PSNR, "", r"codec\.txt:1: expected # … rate-distortion data"),
        (PSNR, "1, 2", r"codec\.txt:1: expected # … rate-distortion data"),
        (PSNR, TITLE, "no point"),
        (PSNR, TITLE + "\n1; 2", r"codec\.txt:3: expected two numbers with a comma"),
        (PSNR, TITLE + "1, 2, 3", r"codec\.txt:2: expected two numbers"),
        (PSNR, TITLE + "1, x", r"codec\.txt:2: ' x' is no finite number"),
        (MS_SSIM, TITLE + "1, 33", "ms_ssim is 33, expected it between 0 and 1"),
    ],
)
def test_tfc_that_is_none(path, text, said):
    with pytest.raises(ValueError, match=said):
        read_tfc(path, text.encode())


def test_coolchic_rows_stay_per_image():
    rows = [
        "0.1\tkodim02\t9\t0\t30\t0.5",
        "0.001\tkodim02\t9\t0\t40\t2.5",
        "0.1\tkodim01\t9\t0\t31\t1",
    ]
    scores = read_coolchic(Path("v5.tsv"), (HEADER + "\n".join(rows) + "\n\n").encode())
    found = [(s.item, s.position, s.metric, s.value) for s in scores]
    assert found == [
        ("kodim02", 0, "bpp", 0.5),
        ("kodim02", 0, "psnr_rgb", 30.0),
        ("kodim02", 1, "bpp", 2.5),
        ("kodim02", 1, "psnr_rgb", 40.0),
        ("kodim01", 0, "bpp", 1.0),
        ("kodim01", 0, "psnr_rgb", 31.0),
    ]
    assert {s.model for s in scores} == {"Cool-Chic (v5)"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"x\.tsv:1: the header lacks seq_name, lmbda, rate_bpp, psnr_db"),
        (HEADER.replace("psnr_db", "psnr"), r"x\.tsv:1: the header lacks psnr_db$"),
        (HEADER, "no row"),
        (HEADER + "0.1\tkodim01", r"x\.tsv:2: expected 6 columns, found 2"),
        (HEADER + "\n0.1\tkodim25\t9\t0\t30\t1", r"x\.tsv:3: 'kodim25' is none of the Kodak"),
        (HEADER + "?\tkodim01\t9\t0\t30\t1", r"x\.tsv:2: '\?' is no finite number"),
        (HEADER + "1\tkodim01\t9\t0\t30\t-1", r"x\.tsv:2: bpp is -1, expected"),
        (HEADER + "1\tkodim01\t9\t0\t30\t1\n" * 2, r"x\.tsv:3: kodim01 at lmbda 1\.0 stands"),
    ],
)
def test_coolchic_that_is_none(text, said):
    with pytest.raises(ValueError, match=said):
        read_coolchic(Path("x.tsv"), text.encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
COLUMN = st.lists(st.floats(0.1, 0.9) | JSON, min_size=1, max_size=2) | JSON
ALIKE = st.fixed_dictionaries(
    {
        "name": st.text(max_size=3) | JSON,
        "results": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("bpp", "psnr-rgb", "ms-ssim-rgb"), COLUMN)
        )
        | JSON,
    },
    optional={"meta": st.fixed_dictionaries({"dataset": JSON}) | JSON},
)
CELL = st.floats().map(str) | st.text(max_size=4)
LINES = st.lists(
    st.lists(CELL | st.just("kodim07"), max_size=6).map("\t".join) | st.text(max_size=9)
)


@given(st.binary(max_size=60) | (ALIKE | JSON).map(lambda value: json.dumps(value).encode()))
@example(b"1" * 5000)
@example(b'{"name": "\\ud800", "results": {"bpp": [1], "psnr-rgb": [1]}}')
def test_garbage_is_a_value_error_compressai(data):
    only_value_error(lambda: read_compressai(Path("x.json"), data))


@given(
    st.sampled_from([PSNR, MS_SSIM]),
    st.binary(max_size=60)
    | LINES.map(
        lambda lines: (TITLE + "\n".join(lines).replace("\t", ",")).encode(
            "utf-8", "surrogatepass"
        )
    ),
)
def test_garbage_is_a_value_error_tfc(path, data):
    only_value_error(lambda: read_tfc(path, data))


@given(
    st.binary(max_size=60)
    | LINES.map(lambda lines: (HEADER + "\n".join(lines)).encode("utf-8", "surrogatepass"))
)
def test_garbage_is_a_value_error_coolchic(data):
    only_value_error(lambda: read_coolchic(Path("x.tsv"), data))


def only_value_error(read) -> None:
    """Call; what comes back holds finite numbers, and what is raised is one line."""
    try:
        scores = read()
    except ValueError as error:
        line = str(error)
        assert len(line.splitlines()) == 1, line
        return
    assert scores
    assert all(math.isfinite(score.value) for score in scores)
    assert all((score.model + score.dataset).isprintable() for score in scores)


@pytest.mark.parametrize(
    ("folder", "pattern", "read", "files"),
    [
        ("compressai", "*.json", read_compressai, 50),
        ("tbtc", "*.json", read_compressai, 4),
        ("tfc", "*/*.txt", read_tfc, 43),
        ("coolchic", "*.tsv", read_coolchic, 2),
    ],
)
def test_every_real_file(harness_data, folder, pattern, read, files):
    labels: Counter[tuple[str, str, str | None, int]] = Counter()
    paths = sorted((harness_data / "published" / folder).glob(pattern))
    assert len(paths) == files
    for path in paths:
        scores = read(path, path.read_bytes())
        bits = [s.value for s in scores if s.metric == "bpp" and s.item in {None, "kodim01"}]
        assert bits == sorted(bits) or folder == "coolchic"
        assert {s.dataset for s in scores} == {"kodak"}
        assert all(15 < s.value < 60 for s in scores if s.metric == "psnr_rgb")
        assert all(0.5 < s.value < 1 for s in scores if s.metric == "ms_ssim")
        assert all(4 < s.value < 40 for s in scores if s.metric == "ms_ssim_db")
        # Rates stand in both files of a codec of TensorFlow Compression, and are the same.
        labels.update({(s.model, s.metric, s.item, s.position) for s in scores})
    assert {key[1] for key, count in labels.items() if count > 1} <= {"bpp"}


def test_known_numbers(harness_data):
    published = harness_data / "published"
    webp = published / "compressai" / "webp.json"
    scores = read_compressai(webp, webp.read_bytes())
    assert values(scores, "bpp")[0] == 0.23441908094618058
    assert values(scores, "psnr_rgb")[0] == 28.328423711178047
    bpg = published / "tfc" / "MS-SSIM_sRGB_RGB" / "bpg444.txt"
    scores = read_tfc(bpg, bpg.read_bytes())
    assert (values(scores, "bpp")[-1], values(scores, "ms_ssim")[-1]) == (9.810592, 0.999770)
    for name, psnr in (("v4.2", 40.487417176985836), ("v5.0", 40.755217)):
        path = published / "coolchic" / f"{name}-image-kodak.tsv"
        scores = read_coolchic(path, path.read_bytes())
        assert len(scores) == 24 * 5 * 2
        top = [s for s in scores if s.item == "kodim01" and s.position == 4]
        assert [s.value for s in top if s.metric == "psnr_rgb"] == [psnr]
