"""A run touches no network: sockets are forbidden in every process, and nobody tries.

An audit hook, set by a ``sitecustomize`` on ``PYTHONPATH``, sees every look-up of a name and every
connection but those of Unix sockets, notes and refuses them. It sees what goes through Python's
``socket``, whoever calls it, and cannot be taken off; programs that a model starts are not seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import harness_suites

FORBID = """
import os, socket, sys

def note(line):
    with open(os.environ["HARNESS_NETWORK_LOG"], "a") as file:
        file.write(line + "\\n")

def watch(event, args):
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        where = args[1]
        if args[0].family == socket.AF_UNIX:
            return
    elif event.startswith(("socket.getaddrinfo", "socket.gethostby", "socket.getnameinfo")):
        where = args[0]
    else:
        return
    note(f"attempt {event} {where}")
    raise socket.gaierror(socket.EAI_AGAIN, "the network is forbidden here")

note("process " + " ".join(sys.orig_argv[1:4]))
sys.addaudithook(watch)
"""
COST = {
    "name": "cost-small",
    "tasks": ["policy/imitation", "codec/image"],
    "datasets": [
        {
            "name": "confounded_bandit",
            "params": {"episodes": 25, "demonstrations": 20, "heldout": 5},
        },
        {"name": "odd_sizes", "items": ["17x33"]},
    ],
    "models": [{"name": "bc", "params": {"transitions": 500}}, "random", "conv-hyperprior"],
    "metrics": ["episode_return", "gmacs", "params_m", "latency_ms"],
    "devices": ["host"],
}
# what is run of the shipped suites: datasets, and models, small enough to take seconds
SHRUNK: dict[str, dict[str, dict[str, int]]] = {
    "causal-quick": {
        "linear_son": {"d": 2, "problems": 1, "train": 600, "val": 200, "test": 300},
    },
    "policy-quick": {
        "confounded_bandit": {"episodes": 50, "demonstrations": 40, "heldout": 10},
    },
    "generative-quick": {
        "shapes": {"count": 32, "block": 16, "train": 128, "reference": 96, "budget": 128},
    },
    "novel-views-quick": {
        "boxes": {"objects": 2, "block": 2, "targets": 1, "training": 8, "budget": 16},
    },
    "text-to-3d-quick": {
        "coloured_primitives": {"count": 6, "block": 6, "size": 32, "train": 24, "budget": 120},
    },
    "video-editing-quick": {
        "moving_shapes": {"videos": 2, "block": 2, "training": 16, "budget": 32},
    },
    "downstream-quick": {
        "rare_shapes": {
            "common": 6,
            "few": 2,
            "filled": 8,
            "scenes": 20,
            "steps": 4,
            "budget": 32,
        },
    },
    "clockwork-flops": {},
}
# of models that would train for minutes, some, with less to train on
MODELS: dict[str, list[Any]] = {
    "causal-quick": [
        {"name": "ilcm", "params": {"steps": 20}},
        "linear_ica",
        {"name": "true_latents", "privileged": True},
    ],
    "policy-quick": [
        {"name": "bc", "params": {"transitions": 500}},
        {"name": "deconfounded", "params": {"transitions": 500}},
        "random",
    ],
    "generative-quick": [
        {
            "name": "shapes-diffusion",
            "params": {"widths": [8, 8, 16], "batch": 8},
            "points": {"steps": [2]},
            "variants": ["base", "clockwork"],
        }
    ],
    "video-editing-quick": [
        {
            "name": "video-diffusion",
            "params": {"width": 32, "depth": 1},
            "points": {"steps": [4]},
            "variants": ["base", "object-centric"],
        },
        "exact-recolour",
    ],
    "novel-views-quick": ["nearest-view", "plane-sweep"],
    "downstream-quick": [
        {"name": "shapes-diffusion", "params": {"widths": [8, 8, 16], "batch": 8}},
        "noise-images",
    ],
}
SUITES = ["quick", "cost-small", *SHRUNK]


def reduced(name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a suite of little to do, and the options that it is run with."""
    if name == "cost-small":
        return COST, ()
    suite = yaml.safe_load((Path(harness_suites.__file__).parent / f"{name}.yaml").read_text())
    suite["datasets"] = [
        {"name": dataset, "params": params} for dataset, params in SHRUNK.get(name, {}).items()
    ] or suite["datasets"]
    suite["models"] = MODELS.get(name, suite["models"])
    suite["seeds"] = [0]
    suite["board"].pop("anchor", None)
    suite.pop("published", None)
    return suite, ("--limit", "1")


class Seen(NamedTuple):
    code: int
    processes: list[str]
    attempts: list[str]
    events: list[dict]


@pytest.fixture
def watched(program, tmp_path) -> Callable[..., Seen]:
    """Return a function that calls the program with the network forbidden and watched."""
    log = tmp_path / "network.log"
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FORBID)

    def call(*args: object) -> Seen:
        log.unlink(missing_ok=True)
        env = {"PYTHONPATH": str(folder), "HARNESS_NETWORK_LOG": str(log)}
        process = program.start(*args, **env)
        out, _ = process.communicate(timeout=600)
        lines = log.read_text().splitlines()
        return Seen(
            process.returncode,
            [line for line in lines if line.startswith("process ")],
            [line for line in lines if line.startswith("attempt ")],
            [json.loads(line) for line in out.splitlines()] if "--json" in args else [],
        )

    return call


@pytest.mark.parametrize("name", SUITES)
@pytest.mark.slow
def test_a_run_tries_no_connection(watched, tmp_path, name):
    suite, options = reduced(name)
    path = tmp_path / "suite.yaml"
    path.write_text(json.dumps(suite))
    seen = watched("run", path, "--json", "--jobs", "2", *options)
    assert seen.attempts == []
    outcomes = {e["outcome"] for e in seen.events if e["event"] == "node"}
    assert "ok" in outcomes
    workers = [line for line in seen.processes if "harness.worker" in line]
    assert len(workers) >= 2
    assert len(seen.processes) > len(workers), "the main process is watched too"


CALLER = """
import socket, urllib.request
from harness import Model, hookimpl

@hookimpl
def harness_models():
    return [Model(name="caller", family="plates", factory="caller:Caller", params={"how": ""})]

class Caller:
    def __init__(self, how):
        self.how = how

    def copy(self, plate):
        if self.how == "name":
            urllib.request.urlopen("http://weights.example.org/net.pth", timeout=1)
        elif self.how == "address":
            socket.create_connection(("192.0.2.1", 80), timeout=1)
        else:
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))
        return plate + 0.5
"""


@pytest.mark.parametrize(
    ("how", "attempt"),
    [
        ("name", "attempt socket.getaddrinfo weights.example.org"),
        ("address", "attempt socket.getaddrinfo 192.0.2.1"),
        ("datagram", "attempt socket.sendto ('192.0.2.1', 53)"),
    ],
)
def test_a_worker_that_tries_is_seen(watched, suite_of, tmp_path, how, attempt):
    (tmp_path / "caller.py").write_text(CALLER)
    plates = str(Path(__file__).with_name("plates.py"))
    path = suite_of(
        plugins=[plates, str(tmp_path / "caller.py")],
        models=[{"name": "caller", "params": {"how": how}}],
        datasets=[{"name": "plates", "params": {"count": 1}}],
    )
    seen = watched("run", path, "--json")
    assert seen.code == 3
    assert len(seen.attempts) == 1
    assert seen.attempts[0].startswith(attempt)
    (node, *_) = [e for e in seen.events if e["event"] == "node"]
    assert node["outcome"] == "error"
    assert "the network is forbidden here" in node["reason"]


def test_listing_planning_and_checking_try_no_connection(watched):
    for words in (
        ("list", "models"),
        ("weights", "list"),
        ("weights", "verify"),
        ("data", "list"),
        ("doctor",),
        ("plan", "quick", "--limit", "1"),
    ):
        assert watched(*words).attempts == [], words


def test_fetching_is_what_goes_to_the_network(watched, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_DATA", "")
    seen = watched("data", "pull", "kodak")
    assert seen.code == 1
    assert seen.attempts
    assert all("socket.getaddrinfo" in line for line in seen.attempts)
