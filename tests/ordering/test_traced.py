"""The graphs that the package keeps, and the best peaks that are known of them."""

from __future__ import annotations

import hashlib
import json

import pytest
from harness_ordering.best import GRAPHS, best_known, main, search
from harness_ordering.datasets import drawn, index_drawn, index_traced, load_drawn, load_traced
from harness_ordering.exact import least_peak
from harness_ordering.graph import Graph, peak_of
from harness_ordering.schedulers import ProgramOrder
from harness_ordering.space import Space

FILES = sorted(GRAPHS.glob("*/*.json"))
TRACED = pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}-{f.stem}")


def test_the_datasets_are_the_files():
    items = [i for mode in ("inference", "training") for i in index_traced(mode)]
    assert [item.path for item in items] == [str(f) for f in FILES]
    assert [len(index_traced(mode)) for mode in ("inference", "training")] == [14, 9]
    for item, file in zip(items, FILES, strict=True):
        assert item.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        assert load_traced(item, file.read_bytes()).name == f"{file.parent.name}/{item.id}"


@TRACED
def test_a_traced_graph_says_where_it_is_from_and_can_run_as_it_stands(file):
    about = json.loads(file.read_bytes())["about"]
    assert set(about) == {"inputs", "torch", "torchvision"}
    graph = Graph.from_json(file.read_bytes())
    peak_of(graph, ProgramOrder().order(graph, 0))
    assert graph.outputs
    # nothing is left in it that nothing reads
    assert {t for ts in (*graph.reads, graph.outputs) for t in ts} == set(range(len(graph.sizes)))
    assert ("sgd_update" in graph.ops) == (file.parent.name == "training")


@TRACED
def test_the_best_peak_known_has_an_order_that_has_it(file):
    graph, best = (
        Graph.from_json(file.read_bytes()),
        best_known()[f"{file.parent.name}/{file.stem}"],
    )
    assert set(best) == {"peak", "proven", "bound", "by", "order"}
    assert peak_of(graph, best["order"]) == best["peak"]
    assert Space(graph).lower_bound() <= best["bound"] <= best["peak"]
    assert best["proven"] == (best["bound"] == best["peak"])


def test_a_best_peak_is_known_of_every_graph_and_of_no_other():
    assert sorted(best_known()) == [f"{f.parent.name}/{f.stem}" for f in FILES]


def test_the_signature_pins_the_best_peaks_known():
    import harness_ordering

    peaks = {name: best["peak"] for name, best in best_known().items()}
    digest = hashlib.sha256(json.dumps(peaks, sort_keys=True).encode()).hexdigest()
    ratio = next(m for m in harness_ordering.harness_metrics() if m.name == "peak_ratio")
    assert f"|over best known:{digest[:8]}|" in ratio.signature


@pytest.mark.slow
@pytest.mark.parametrize("file", [f for f in FILES if f.stem != "googlenet"], ids=str)
def test_what_is_proven_is_proven_again(file):
    graph = Graph.from_json(file.read_bytes())
    found, best = least_peak(graph, 2000), best_known()[graph.name]
    assert (found.peak, found.proven) == (best["peak"], best["proven"])


@pytest.mark.slow
def test_the_one_graph_that_takes_long_to_prove():
    graph = Graph.from_json((GRAPHS / "training" / "googlenet.json").read_bytes())
    assert not least_peak(graph, 2000).proven
    best = best_known()[graph.name]
    found = least_peak(graph, 200_000, [best["order"]])
    assert (found.peak, found.proven) == (best["peak"], best["proven"])


def test_a_search_keeps_what_it_found_and_how():
    graph = drawn(2, 16, 0)
    found = search(graph)
    assert found["by"] == "exact"
    assert found["proven"]
    assert peak_of(graph, found["order"]) == found["peak"] == found["bound"]


def test_drawn_graphs_are_the_same_everywhere():
    items = index_drawn(count=12, ops=12, seed=0)
    assert len({item.sha256 for item in items}) == 12
    # a golden digest: other graphs would be other numbers under the same name
    assert items[0].sha256 == GOLDEN
    for item in items:
        assert load_drawn(item, None) == drawn(item.meta["number"], 12, 0)
    assert index_drawn(count=3, ops=12, seed=0) == items[:3]
    assert index_drawn(count=1, ops=12, seed=1)[0].sha256 != items[0].sha256


def test_a_drawn_graph_that_came_out_different_is_refused():
    from dataclasses import replace

    item = replace(index_drawn(count=1, ops=5, seed=0)[0], sha256="0" * 64)
    with pytest.raises(ValueError, match="graph000: the drawn graph is not the expected one"):
        load_drawn(item, None)


GOLDEN = "0f551b8ee6fee73fed71bd388dde9256a9c0d747f385ecb38eff6bc0f35b5dde"


def test_a_longer_search_is_kept_beside_what_was_known(tmp_path):
    for number in range(2):
        (tmp_path / "drawn").mkdir(exist_ok=True)
        (tmp_path / "drawn" / f"{number}.json").write_text(drawn(number, 10, 0).to_json())
    main(str(tmp_path))
    known = json.loads((tmp_path / "best.json").read_bytes())
    assert list(known) == ["drawn/10/0/0", "drawn/10/0/1"]
    assert known["drawn/10/0/1"] == search(drawn(1, 10, 0))
    (tmp_path / "drawn" / "1.json").unlink()
    main(str(tmp_path), "drawn/10/0/0")
    assert json.loads((tmp_path / "best.json").read_bytes()) == known


# --- tracing ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch, about its own inside
def test_a_trace_holds_activations_without_views_weights_and_what_nobody_reads():
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchvision")
    from harness_ordering.trace import _inference

    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.empty(4, 4))

        def forward(self, x):  # (2, 4) float32: 32 bytes
            a = x @ self.weight
            c = torch.relu(a.view(4, 2))
            d = c.reshape(2, 4) + x
            torch.sigmoid(d)
            return d.sum(1) * self.weight.sum(), a.t()

    graph = _inference("small", Small(), [(2, 4)])
    assert graph.ops == ("mm", "relu", "add", "sum", "mul")
    #        x        a        c         d        row sums  product
    assert graph.sizes == (32, 32, 32, 32, 8, 8)
    assert graph.reads == ((0,), (1,), (0, 2), (3,), (4,))
    assert graph.writes == ((1,), (2,), (3,), (4,), (5,))
    assert graph.outputs == (1, 5)  # the transposed view is its original


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch, about its own inside
def test_a_training_step_has_an_update_for_each_parameter_that_reads_its_gradient():
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchvision")
    from harness_ordering.trace import _training

    layers = torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 3)
    graph = _training("step", torch.nn.Sequential(*layers), [(2, 4)])
    updates = [op for op, kind in enumerate(graph.ops) if kind == "sgd_update"]
    gradients = [sum(graph.sizes[t] for t in graph.reads[op]) for op in updates]
    # float32: weight and bias of each layer
    assert sorted(gradients) == sorted(4 * n for n in (4 * 5, 5, 5, 5, 5 * 3, 3))
    written = [t for op in updates for t in graph.writes[op]]
    assert set(written) <= set(graph.outputs)
    assert {graph.sizes[t] for t in written} == {0}
    # the loss is the only output that takes memory: running statistics are written in place
    assert [graph.sizes[t] for t in graph.outputs if graph.sizes[t]] == [4]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["inference/shufflenet_v2_x1_0", "training/resnet18"], ids=lambda n: n.split("/")[0]
)
@pytest.mark.filterwarnings("ignore")  # of torch, about its own inside
def test_tracing_again_gives_the_graph_that_is_kept(name, tmp_path):
    torch, torchvision = pytest.importorskip("torch"), pytest.importorskip("torchvision")
    kept = (GRAPHS / f"{name}.json").read_bytes()
    about = json.loads(kept)["about"]
    here = {"torch": torch.__version__, "torchvision": torchvision.__version__}
    for package, version in here.items():
        if version.partition("+")[0] != about[package].partition("+")[0]:
            pytest.skip(f"traced with {package} {about[package]}, here is {version}: NOT compared")
    from harness_ordering import trace

    trace.main(str(tmp_path), name)
    traced = (tmp_path / f"{name}.json").read_bytes()
    assert Graph.from_json(traced) == Graph.from_json(kept)
    assert json.loads(traced)["about"]["inputs"] == about["inputs"]
