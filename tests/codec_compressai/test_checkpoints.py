from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from compressai.zoo.pretrained import rename_key

from harness import Unavailable
from harness.data import DamagedError
from harness.spec import Resource
from harness_plugins.codec_compressai.checkpoints import (
    check,
    find_checkpoints,
    read_own,
    read_zoo,
)

ARCHITECTURE = "mbt2018-mean"


def save(path: Path, value: object) -> dict[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, path)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_file_that_is_what_the_suite_says_passes(tmp_path: Path) -> None:
    entry = save(tmp_path / "a.pth", {"w": torch.ones(2)})
    check(ARCHITECTURE, [entry])
    [checkpoint] = find_checkpoints([entry])
    assert checkpoint == (tmp_path / "a.pth", entry["sha256"])
    assert read_own(checkpoint)["w"].tolist() == [1, 1]


def test_a_missing_digest_is_told(tmp_path: Path) -> None:
    entry = save(tmp_path / "a.pth", {"w": torch.ones(2)})
    with pytest.raises(ValueError, match=f"sha256: {entry['sha256']}$"):
        check(ARCHITECTURE, [{"path": entry["path"]}])


def test_another_file_is_refused_before_and_while_it_is_read(tmp_path: Path) -> None:
    entry = save(tmp_path / "a.pth", {"w": torch.ones(2)})
    save(tmp_path / "a.pth", {"w": torch.zeros(2)})
    with pytest.raises(ValueError, match=f"is another file.*expected {entry['sha256']}"):
        check(ARCHITECTURE, [entry])
    with pytest.raises(ValueError, match="is another file"):
        read_own(find_checkpoints([entry])[0])


def test_what_is_not_here_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no checkpoint is named"):
        check(ARCHITECTURE, [])
    for path in (str(tmp_path / "none.pth"), "none.pth"):
        with pytest.raises(Unavailable, match="is not on this machine"):
            check(ARCHITECTURE, [{"path": path, "sha256": "0" * 64}])


def test_a_name_is_looked_for_in_data_and_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    for root, name in ((tmp_path / "data", "a.pth"), (tmp_path / "cache", "b.pth")):
        entry = save(root / "compressai-checkpoint" / name, {"w": torch.ones(1)})
        check(ARCHITECTURE, [entry | {"path": name}])


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("a.pth", "expected {path: FILE, sha256: DIGEST}, got 'a.pth'"),
        ({}, "expected {path: FILE"),
        ({"path": 3}, "expected {path: FILE"),
        ({"path": "a.pth", "sha": "0"}, "unknown key 'sha'"),
    ],
)
def test_a_wrong_entry_is_told_in_one_line(entry: object, line: str) -> None:
    with pytest.raises(ValueError) as caught:
        find_checkpoints([entry])  # type: ignore[list-item]
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_architecture_has_a_nearest_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'mbt2018-mean'"):
        check("mbt2018_mean", [{"path": "a", "sha256": "b"}])


@pytest.mark.parametrize("wrapper", ["state_dict", "network", "model_state_dict"])
def test_the_state_is_found_where_training_scripts_put_it(tmp_path: Path, wrapper: str) -> None:
    held = {"epoch": 3, wrapper: {"module.w": torch.ones(1)}}
    [checkpoint] = find_checkpoints([save(tmp_path / "a.pth", held)])
    assert list(read_own(checkpoint)) == ["w"]


def test_old_names_become_those_of_today(tmp_path: Path) -> None:
    names = [
        "module.g_a.0.weight",
        "g_a.2.downsample.weight",
        "entropy_bottleneck._biases.3",
        "entropy_bottleneck._matrices.0",
        "entropy_bottleneck._factors.1",
        "entropy_bottleneck._bias2",
        "entropy_bottleneck.quantiles",
    ]
    entry = save(tmp_path / "a.pth", {name: torch.ones(1) for name in names})
    [checkpoint] = find_checkpoints([entry])
    assert list(read_own(checkpoint)) == [rename_key(name) for name in names]


@pytest.mark.parametrize("held", [[1, 2], {"epoch": 3}, 7])
def test_a_file_without_a_network_is_refused(tmp_path: Path, held: object) -> None:
    [checkpoint] = find_checkpoints([save(tmp_path / "a.pth", held)])
    with pytest.raises(ValueError, match="holds no state of a network"):
        read_own(checkpoint)


def test_a_file_of_another_kind_is_refused_and_runs_no_code(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")  # a pickle that calls os.system
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=r"is no checkpoint of PyTorch") as caught:
        read_own((path, digest))
    assert "\n" not in str(caught.value)
    assert not Path("ran").exists()


def test_a_file_of_the_zoo_is_held_against_the_digits_of_its_name(tmp_path: Path) -> None:
    entry = save(tmp_path / "cache" / "owner" / "a.pth", {"w": torch.ones(1)})
    good = Resource(name="a.pth", url="https://example.org/a.pth", sha256=entry["sha256"][:8])
    assert list(read_zoo("owner", good)) == ["w"]
    bad = Resource(name="a.pth", url="https://example.org/a.pth", sha256="0" * 8)
    with pytest.raises(DamagedError):
        read_zoo("owner", bad)
    with pytest.raises(Unavailable, match="harness weights pull other"):
        read_zoo("other", good)
