"""The documentation is true: its examples run, its links lead somewhere, it names no machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
ALL = [ROOT / "README.md", ROOT / "CHANGELOG.md", *PAGES]
README_SUITE = """\
name: readme
tasks: [codec/image]
datasets:
  - {name: folder, params: {path: pictures}, items: [view0.png]}
models: [zip, jpeg]
metrics: [bpp, psnr_rgb]
"""
# joined, so that this file does not hold what it looks for
MACHINE = [f"/{d}/" for d in ("work", "root", "opt", "home", "tmp/v")]
REGISTRIES = [
    "py" + "pi.",
    "python" + "hosted.org",
    "index" + "-url",
    "npm" + "js.",
    "crates" + ".io",
]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_example_of_a_page_runs_and_prints_what_it_says(page, runner) -> None:
    faults = runner.page(page)
    assert not faults, "\n\n".join(faults)


@pytest.mark.slow
def test_the_ten_lines_of_the_readme_are_a_codec(runner) -> None:
    (runner.folder / "my_suite.yaml").write_text(README_SUITE)
    faults = runner.page(ROOT / "README.md")
    assert not faults, "\n\n".join(faults)
    ran = [command for command, _ in runner.printed]
    assert "harness check zip --plugin my_codec.py" in ran
    assert "harness run my_suite.yaml --plugin my_codec.py" in ran
    import harness

    board = harness.load_board(runner.folder / "results" / "readme")
    exact = board[(board.entry == "zip") & (board.metric == "psnr_rgb")]
    assert list(exact.value) == [100.0] * len(exact) != []  # lossless: the cap of the mean


def test_every_suite_of_a_page_is_used_by_a_command(documentation) -> None:
    for page in ALL:
        found = documentation.blocks(page)
        said = " ".join(b.text for b in found if b.language in {"console", "sh"})
        for block in found:
            if block.language == "yaml":
                assert block.file, f"{page.name}: a YAML example without a name"
                assert block.file in said or "runs-on" in block.text, (page.name, block.file)


def test_commands_that_are_not_run_are_spelled_right(documentation) -> None:
    looked_at = 0
    for page in ALL:
        for block in documentation.blocks(page):
            texts = (
                [c for c, _ in documentation.commands(block)]
                if block.language == "console"
                else []
            )
            texts += re.findall(r"^\s*(?:- run: )?(harness .*)$", block.text, re.MULTILINE)
            for text in texts:
                documentation.check_words(text)
                looked_at += "harness" in text
    assert looked_at > 40


def test_workflows_are_yaml(documentation) -> None:
    import yaml

    flows = [b for p in ALL for b in documentation.blocks(p) if "runs-on" in b.text]
    assert flows
    for block in flows:
        assert yaml.safe_load(block.text)["jobs"]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings make, by the rule of GitHub."""
    heads = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.replace("`", "").lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", ALL, ids=lambda p: p.name)
def test_links_lead_to_files_and_headings(page) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_file(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"(docs/{page.name})" in text for page in PAGES)


def test_no_tracked_text_names_this_machine_or_a_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout: there is no list of tracked files")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        for word in (*MACHINE, *REGISTRIES):
            where = re.search(
                rf"(?<![\w.:/~-]){re.escape(word)}" if word[0] == "/" else re.escape(word), text
            )
            if where:
                found.append(
                    f"{name}: {word} in {text[max(0, where.start() - 30) : where.end() + 30]!r}"
                )
    assert not found, "\n".join(found)
