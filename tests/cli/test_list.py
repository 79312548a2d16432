from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from harness.cli.list_ import _WORDS
from harness.registry import KINDS


def test_models_with_what_is_missing(shop):
    told = shop("list", "models")
    lines = told.out.splitlines()
    assert told.code == 0
    assert lines[0].split() == ["name", "family", "summary"]
    assert lines[1].startswith("✓  box          post    A plain cardboard box")
    assert lines[2] == "✗  crate        post    A wooden crate  (oakwood is not installed)"
    assert lines[3].endswith("(no pilot's licence)")
    assert lines[5].endswith("(RuntimeError: boom)")


def test_without_a_word_counts_everything(shop):
    told = shop("list")
    first, blank, *models = told.out.splitlines()
    assert "5 models · 1 family · 3 datasets · 2 metrics" in first
    assert blank == ""
    assert len(models) == 6


@pytest.mark.parametrize("word", _WORDS)
def test_every_word_lists_what_json_lists(shop, word):
    rows = json.loads(shop("list", word, "--json").out)[word]
    lines = shop("list", word).out.splitlines()
    assert len(lines) == (len(rows) + 1 if rows else 1)
    for row, line in zip(rows, lines[1:], strict=False):
        assert row["name"] in line


def test_unknown_word_is_one_line_with_the_nearest(cli):
    told = cli("list", "modells")
    line = "harness: list: unknown word 'modells' (did you mean 'models'?)\n"
    assert (told.code, told.err) == (2, line)


def test_every_kind_has_a_word():
    assert set(_WORDS) == {*KINDS, "plugins"}


def test_plugins_say_what_they_declare(shop):
    told = shop("list", "plugins").out
    assert "5 models, 1 family, 3 datasets, 2 metrics, 1 derived, 1 device" in told


def test_broken_plugin_is_one_line(cli, tmp_path):
    (tmp_path / "bad.py").write_text("raise RuntimeError('no\\nway')")
    told = cli("list", "models", "--plugin", tmp_path / "bad.py")
    assert told.code == 0
    assert told.out.splitlines()[-1].startswith("✗ plugin bad: RuntimeError: no")
    told = cli("list", "plugins", "--plugin", tmp_path / "bad.py")
    assert sum("RuntimeError: no" in line for line in told.out.splitlines()) == 1


def test_two_claims_on_a_name_are_told(shop, tmp_path):
    (tmp_path / "rival.py").write_text(
        "from harness import Model, hookimpl\n"
        "@hookimpl\n"
        "def harness_models(): return [Model(name='box', family='post', factory='x:x')]\n"
    )
    told = shop("list", "models", "--plugin", tmp_path / "rival.py")
    assert "models: 'box' is claimed by" in told.out
    told = shop("show", "box", "--plugin", tmp_path / "rival.py")
    assert any(line.split()[:2] == ["claimed", "by"] for line in told.out.splitlines())


def test_hostile_text_stays_on_its_line(cli, tmp_path):
    (tmp_path / "evil.py").write_text(
        "from harness import Model, hookimpl\n"
        "@hookimpl\n"
        "def harness_models():\n"
        "    return [Model(name='evil', family='f', factory='x:x', summary='a\\x1b[2Jb\\nc')]\n"
    )
    told = cli("list", "models", "--plugin", tmp_path / "evil.py")
    assert "\x1b" not in told.out
    assert "a�[2Jb c" in told.out


def test_nothing_heavy_is_imported():
    code = (
        "import sys; sys.argv = ['harness', 'list', 'models']\n"
        "from harness.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'rich', 'pandas', 'scipy', 'pydantic', 'pyarrow', 'jinja2', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    env = {**os.environ, "HARNESS_DISABLE_PLUGINS": ""}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_200_plugins_are_listed(tmp_path):
    for n in range(200):
        (tmp_path / f"gen{n}.py").write_text(
            textwrap.dedent(f"""\
            from __future__ import annotations
            from harness import Model, hookimpl

            @hookimpl
            def harness_models():
                return [Model(name="gen{n}", family="codec", factory="gen{n}_impl:Codec",
                              requires=("numpy",), points={{"quality": (1, 2, 3)}})]
            """)
        )
        info = tmp_path / f"gen{n}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gen{n}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[harness]\ngen{n} = gen{n}\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "HARNESS_DISABLE_PLUGINS": ""}
    command = [sys.executable, "-c", "from harness.cli import main; main()", "list", "models"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert sum("gen" in line for line in done.stdout.splitlines()) >= 200
