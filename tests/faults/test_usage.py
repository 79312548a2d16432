"""What a user gets wrong is one clear line each, code 2, and nothing is written."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def refused(program):
    """Call the program; return its lines of complaint."""

    def call(*args: object, **env: str) -> list[str]:
        said = program("run", *args, **env)
        assert said.returncode == 2, said.stdout + said.stderr
        assert said.stdout == ""
        assert list(program.folder.iterdir()) == []
        lines = said.stderr.splitlines()
        assert all(line.startswith("harness: ") for line in lines)
        return [line.removeprefix("harness: ") for line in lines]

    return call


def test_an_unknown_model(refused, suite_of):
    path = suite_of(models=["copyer"])
    (line,) = refused(path)
    assert line.startswith(f"{path}:1:")
    assert line.endswith("models.0: unknown model 'copyer' (did you mean 'copier'?)")


def test_five_faults_are_five_lines(refused, suite_of):
    path = suite_of(
        titel="x",
        tasks=["plates/copi"],
        models=["copyer"],
        metrics=["gab"],
        limits={"seconds": "soon"},
    )
    lines = refused(path)
    assert len(lines) == 5
    assert all(line.startswith(f"{path}:1:") for line in lines)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"plugins": ["gone.py"]}, "gone.py does not exist"),
        ({"datasets": [{"name": "plates", "items": ["plate9"]}]}, "no item 'plate9'"),
        ({"datasets": [{"name": "plates", "params": {"count": -1}}]}, "no item '*'"),
        ({"datasets": [{"name": "plates", "params": {"count": "four"}}]}, "dataset plates: TypeE"),
        ({"name": "../up"}, "a name is made of a-z"),
    ],
)
def test_one_fault_is_one_line(refused, suite_of, changes, words):
    (line,) = refused(suite_of(**changes))
    assert words in line


def test_a_suite_that_is_not_there_or_not_text(refused, tmp_path):
    (line,) = refused("quik")
    assert line == "no such suite: 'quik' (did you mean 'quick'?)"
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\x89PNG\r\n")
    assert refused(path) == [f"{path}:1:1 not UTF-8 text"]
    assert refused(tmp_path / "none.yaml") == [f"no such file: {str(tmp_path / 'none.yaml')!r}"]


def test_a_bad_entry_point_is_fatal_where_it_is_needed(refused, program, suite_of, tmp_path):
    info = tmp_path / "site" / "cracked-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cracked\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness]\ncracked = cracked\n")
    (tmp_path / "site" / "cracked.py").write_text("import no_such_library\n")
    env = {"PYTHONPATH": str(tmp_path / "site")}
    (line,) = refused(suite_of(models=["special"]), **env)
    assert "unknown model 'special'" in line
    assert "plugin cracked is broken: ModuleNotFoundError: No module named 'no_such_" in line
    assert program("run", suite_of(), **env).returncode == 0


def test_an_unknown_option_and_a_plugin_that_is_not_there(program, suite_of):
    assert program("run", suite_of(), "--jobz", "2").returncode == 2
    assert program("run", suite_of(), "--jobs", "0").returncode == 2
    said = program("run", suite_of(), "--plugin", "none.py")
    file = program.folder / "none.py"
    assert (said.returncode, said.stderr) == (2, f"harness: plugin file {file} does not exist\n")
    said = program("rum", suite_of())
    assert (said.returncode, said.stderr) == (
        2,
        "harness: unknown command 'rum' (did you mean 'run'?)\n",
    )


def test_two_writers_are_one_too_many(program, suite_of):
    suite = suite_of(models=[{"name": "copier", "params": {"pause": 0.4}}])
    first = program.start("run", suite, "--json", "--jobs", 1)
    assert first.stdout is not None
    for _ in range(2):
        first.stdout.readline()
    second = program("run", suite)
    assert second.returncode == 2
    assert second.stderr.endswith("another harness process is writing here\n")
    assert len(second.stderr.splitlines()) == 1
    assert program("plan", suite).returncode == 0  # reading is free
    _, err = first.communicate(timeout=60)
    assert first.returncode == 0, err


def test_the_program_may_be_the_first_process_of_a_container(program, suite_of):
    """Workers that ask whether their parent is process 1 would take it for dead."""
    inside = ["unshare", "--fork", "--pid", "--mount-proc"]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        pytest.skip("NOT TESTED: a process namespace cannot be made here")
    code = "from harness.cli import main; main()"
    said = subprocess.run(
        [*inside, sys.executable, "-c", code, "run", suite_of()],
        cwd=program.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == 0, said.stdout + said.stderr
