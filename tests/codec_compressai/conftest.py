from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    # As a whole, before the plugin imports a part of it; it uses what newer torch deprecates.
    warnings.simplefilter("ignore")
    import compressai.zoo  # noqa: F401
    import torch

    from harness_plugins.codec_compressai.networks import network_class

WIDTHS: dict[str, tuple[int, ...]] = {
    "bmshj2018-factorized": (12, 16),
    "bmshj2018-hyperprior": (12, 16),
    "mbt2018-mean": (12, 16),
    "mbt2018": (8, 12),
    "cheng2020-anchor": (8,),
    "cheng2020-attn": (8,),
}


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture(autouse=True)
def _no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def random_network(architecture: str, seed: int) -> Any:
    """Return an untrained network whose latents spread over several integers."""
    torch.manual_seed(seed)
    network = network_class(architecture)(*WIDTHS[architecture])
    with torch.no_grad():
        for parameter in network.g_a.parameters():
            if parameter.ndim == 4:
                parameter.mul_(2.0 if architecture.startswith("cheng") else 3.0)
    network.update(force=True)
    return network.eval()


@pytest.fixture
def widths() -> dict[str, tuple[int, ...]]:
    """Return how wide ``random_network`` is, by architecture."""
    return WIDTHS


@pytest.fixture(scope="session")
def write_checkpoint(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., dict[str, str]]:
    """Return a function that writes a random network, and returns its path and sha256."""
    folder = tmp_path_factory.mktemp("checkpoints")

    def write(architecture: str, seed: int = 0) -> dict[str, str]:
        path = folder / f"{architecture}-{seed}.pth.tar"
        if not path.exists():
            torch.save(random_network(architecture, seed).state_dict(), path)
        return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}

    return write
