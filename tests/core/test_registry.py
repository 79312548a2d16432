from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import hookspecs
from harness.errors import UsageError
from harness.registry import KINDS, Registry
from harness.registry.plugins import code_digest, load_plugins

ROOT = Path(__file__).resolve().parents[2]

_ASK = """
import json
from harness.registry import Registry
registry = Registry.load()
models = sorted(registry.all("models"))
print(json.dumps({"models": models, "plugins": {
    p.name: [p.reason, list(p.heavy), p.distribution, p.version] for p in registry.plugins}}))
"""
GOOD = """
from harness import Model, hookimpl
@hookimpl
def harness_models():
    return [Model(name="good", family="toy", factory="good:Good")]
"""


@pytest.fixture
def ask(distribution):
    """Install modules as distributions; return what a fresh process finds."""

    def installed(**sources: str) -> dict:
        folder = ""
        for name, source in sources.items():
            folder = distribution(name, source)
        env = {**os.environ, "PYTHONPATH": folder}
        said = subprocess.run(
            [sys.executable, "-c", _ASK], env=env, capture_output=True, text=True, check=True
        )
        return json.loads(said.stdout)

    return installed


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError: "),
        ("raise RuntimeError", "RuntimeError: no message"),
        (GOOD.replace("harness_models", "harness_modles"), "unknown hook 'harness_modles'"),
        (GOOD.replace("harness_models", "harness_modles"), "did you mean 'harness_models'?"),
        (GOOD.replace("models()", "models(extra)"), "Argument(s) {'extra'}"),
        (GOOD.replace("[Model(name=", "[dict(name="), "expected Model records"),
        (GOOD.replace("return [", "return 3 or ["), "harness_models: TypeError: "),
        (GOOD.replace("return [", "raise KeyError('x') or ["), "harness_models: KeyError: 'x'"),
        (GOOD.replace("return [", "exit(4) or ["), "harness_models: SystemExit: 4"),
    ],
)
def test_a_broken_plugin_is_a_record_and_hurts_no_other(ask, source, reason):
    told = ask(bad=source, good=GOOD)
    assert reason in told["plugins"]["bad"][0]
    assert "\n" not in told["plugins"]["bad"][0]
    assert told["plugins"]["good"][0] == ""
    assert "good" in told["models"]


def test_a_plugin_knows_its_distribution(ask):
    assert ask(good=GOOD)["plugins"]["good"] == ["", [], "good", "1.0"]


def test_heavy_imports_are_recorded(ask):
    assert "scipy" in ask(good="import scipy\n" + GOOD)["plugins"]["good"][1]


def test_two_plugins_that_claim_one_name_are_both_named(ask, distribution, monkeypatch):
    ask(first=GOOD, second=GOOD)
    monkeypatch.syspath_prepend(distribution("third", GOOD))
    with pytest.raises(UsageError, match=r"'good' is claimed by two plugins: first and second"):
        Registry.load().get("models", "good")


def test_disabled_plugins_are_left_out(monkeypatch):
    monkeypatch.setenv("HARNESS_DISABLE_PLUGINS", "local , nothing")
    names = [p.name for p in Registry.load().plugins]
    assert "local" not in names
    assert "codec" in names
    monkeypatch.setenv("HARNESS_DISABLE_PLUGINS", "all")
    assert Registry.load().plugins == []


def test_shipped_plugins_are_sound_and_light():
    code = "from harness.registry import Registry, KINDS\nr = Registry.load()\n"
    code += "[r.all(k) for k in KINDS]\n"
    code += "assert not [p for p in r.plugins if p.reason or p.heavy], r.plugins\n"
    code += "assert not r.conflicts, r.conflicts\n"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- single files ----------------------------------------------------------------------


def test_a_single_file_is_a_plugin(toy):
    registry = Registry.load([toy])
    plugin = registry.owner("models", "zip")
    assert (plugin.name, plugin.origin, plugin.distribution) == ("toy", str(toy), "")
    family, task = registry.task("squeeze")
    assert (family.name, task) == ("toy", registry.task("toy/squeeze")[1])


def test_a_task_of_two_families_is_asked_for_by_both_words(tmp_path, toy):
    path = tmp_path / "twin_toy.py"
    path.write_text(toy.read_text().replace('name="toy"', 'name="other"').replace("toy:", "x:"))
    registry = Registry.load([toy, path])
    with pytest.raises(UsageError, match="ambiguous: say one of other/squeeze, toy/squeeze"):
        registry.task("squeeze")
    assert registry.task("other/squeeze")[0].name == "other"
    with pytest.raises(UsageError, match=r"unknown task 'toy/squeezz' \(did you mean 'toy/squ"):
        registry.task("toy/squeezz")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"plugin file .*gone.py does not exist"):
        load_plugins([tmp_path / "gone.py"])


@pytest.mark.parametrize("name", ["json.py", "numpy.py", "harness.py"])
def test_a_file_must_not_take_the_name_of_another_module(tmp_path, name):
    path = tmp_path / name
    path.write_text(GOOD)
    before = sys.modules.get(path.stem)
    plugin = Registry.load([path]).plugins[-1]
    assert plugin.reason == f"ImportError: another module is called {path.stem!r}: rename the file"
    assert sys.modules.get(path.stem) is before


def test_an_unknown_name_says_the_nearest_and_what_is_broken(tmp_path, toy):
    path = tmp_path / "cracked.py"
    path.write_text("1 / 0")
    registry = Registry.load([toy, path])
    with pytest.raises(UsageError) as caught:
        registry.get("models", "zipp")
    assert str(caught.value) == (
        "unknown model 'zipp' (did you mean 'zip'?); plugin cracked is broken: "
        "ZeroDivisionError: division by zero"
    )


# --- digests of code -------------------------------------------------------------------


def test_the_digest_of_a_package_follows_its_sources_only(tmp_path, monkeypatch):
    package = tmp_path / "pk_digest"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text("x = 1")
    (package / "table.json").write_text("{}")
    monkeypatch.syspath_prepend(tmp_path)
    digests = [code_digest("pk_digest.model"), code_digest("pk_digest")]
    (package / "__pycache__" / "model.cpython-311.pyc").write_bytes(b"compiled")
    digests.append(code_digest("pk_digest.model"))
    assert len(set(digests)) == 1
    (package / "table.json").write_text("[]")
    digests.append(code_digest("pk_digest.model"))
    (package / "model.py").write_text("x = 2")
    digests.append(code_digest("pk_digest.model"))
    (package / "model.py").rename(package / "other.py")
    digests.append(code_digest("pk_digest"))
    assert len(set(digests)) == 4


def test_the_digest_of_a_single_file_is_its_own(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "alone_digest.py").write_text("x = 1")
    before = code_digest("alone_digest")
    (tmp_path / "beside_digest.py").write_text("y = 1")
    assert code_digest("alone_digest") == before
    (tmp_path / "alone_digest.py").write_text("x = 2")
    assert code_digest("alone_digest") != before


# --- the core and its plugins ----------------------------------------------------------


def core_files() -> list[Path]:
    return sorted((ROOT / "harness").rglob("*.py"))


def test_every_hook_is_called_and_documented():
    hooks = {n: f for n, f in vars(hookspecs).items() if n.startswith("harness_")}
    asked = {hook for hook, _ in KINDS.values()}
    assert asked | {"harness_event"} == set(hooks)
    for hook in asked:
        assert not inspect.signature(hooks[hook]).parameters
    assert list(inspect.signature(hooks["harness_event"]).parameters) == ["event"]
    assert all(inspect.getdoc(f) for f in hooks.values())
    calls = [p for p in core_files() if "listener.function(event=event)" in p.read_text()]
    assert [p.name for p in calls] == ["run.py"]


def test_no_module_of_the_core_names_a_family_or_a_plugin():
    registry = Registry.load()
    families = set(registry.all("families")) | {"codec", "causal", "policy", "generative"}
    words = families | set(registry.all("models")) | set(registry.all("metrics"))
    for path in core_files():
        tree = ast.parse(path.read_text())
        said = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        said = {t for t in said if isinstance(t, str)}
        assert not said & words, f"{path} names {said & words}"
        assert "harness_plugins" not in path.read_text(), path


@pytest.mark.slow
def test_the_core_runs_a_family_it_never_heard_of(command, distribution, toy, suite_of):
    folder = distribution("toy", toy.read_text())
    suite = suite_of(plugins=None)
    env = {"PYTHONPATH": folder, "HARNESS_DISABLE_PLUGINS": "codec,codec_classical"}
    said = command("run", suite, "--results", "out", **env)
    assert said.returncode == 0, said.stderr
    assert "24 nodes: 24 ok" in said.stdout
