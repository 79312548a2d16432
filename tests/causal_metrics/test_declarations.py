"""What the family declares: metrics, the steps they read from, what boards show of them."""

from __future__ import annotations

import importlib
import math
import re
import subprocess
import sys

import pytest

from harness.registry import Registry
from harness.registry.availability import resolve
from harness_plugins.causal import harness_families
from harness_plugins.causal.metrics import METRICS

TASK = next(iter(harness_families())).tasks[0]
MADE = {o.name: s for s in TASK.stages for o in s.outputs}
MODULES = [
    *("alignment", "correlation", "dci", "graphs", "importance"),
    *("interventions", "observations", "samples", "separation"),
]
DCI = [f"dci_{name}" for name in ("disentanglement", "completeness", "informativeness")]
ANNOUNCED = {
    *(f"{name}{suffix}" for name in DCI for suffix in ("", "_gbt")),
    *(f"mean_corr_coef{ranks}{s}" for ranks in ("", "_spearman") for s in ("", "_in_sample")),
    *("r2_diagonal", "r2_off_diagonal", "mig", "sap", "irs", "shd", "shd_reversal_2"),
    *("graph_auroc", "intervention_accuracy", "intervention_accuracy_strict"),
    *("counterfactual_error", "interventional_error", "sample_distance", "nll"),
}


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_every_metric_is_declared_once() -> None:
    assert sorted(m.name for m in METRICS) == sorted(ANNOUNCED)


def test_signatures_tell_variants_apart_and_pin_a_version() -> None:
    signatures = [m.signature for m in METRICS]
    assert len(set(signatures)) == len(signatures)
    assert all(re.fullmatch(r"[^|\s]+(\|[^|\s]+)+\|v\d+", s) for s in signatures)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dci_disentanglement", "lightgbm-gain"),
        ("dci_disentanglement_gbt", "sklearn-gbt-impurity"),
        ("mean_corr_coef", "pearson|linear-assignment|assigned:half-a|scored:half-b"),
        ("mean_corr_coef_spearman_in_sample", "spearman|linear-assignment|in-sample"),
        ("mig", "bins:20-equal-width"),
        ("shd", "reversal:1|threshold>0.5|aligned:variables"),
        ("shd_reversal_2", "reversal:2|threshold>0.5|aligned:variables"),
        ("intervention_accuracy", "none-fixed|linear-assignment"),
        ("intervention_accuracy_strict", "none-fixed|named:variables"),
        ("interventional_error", "500-pairs|values:own-code-after"),
    ],
)
def test_a_signature_says_which_variant_it_is(name, said) -> None:
    assert said in next(m.signature for m in METRICS if m.name == name)


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_a_declaration_says_what_a_board_shows(metric) -> None:
    assert metric.summary
    assert metric.paper
    assert metric.better in ("higher", "lower") or metric.name == "r2_off_diagonal"
    assert metric.range[0] < metric.range[1]
    assert not any(map(math.isnan, metric.range))
    assert callable(resolve(metric.factory)(**metric.params))


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_what_a_metric_reads_is_left_by_a_step_for_each_item_and_seed(metric) -> None:
    for name in metric.inputs:
        assert set(MADE[name].per) <= {"item", "seed"}


def test_the_truth_reaches_no_model_without_privilege() -> None:
    hidden = {"problem", "truth", "train_truth", "match", "predictability", "importance"}
    for stage in TASK.stages:
        assert callable(resolve(stage.run))
        if stage.model:
            assert not hidden & set(stage.inputs), stage.name


def test_the_family_is_found_with_its_metrics() -> None:
    registry = Registry.load()
    for name in ANNOUNCED:
        assert registry.owner("metrics", name).name == "causal"


def test_declaring_imports_nothing_heavy() -> None:
    loaded = modules_after("import harness_plugins.causal.metrics")
    assert not loaded & {"numpy", "scipy", "sklearn", "lightgbm", "torch"}


@pytest.mark.parametrize("module", MODULES)
def test_packages_are_imported_where_they_are_needed(module) -> None:
    loaded = modules_after(f"import harness_plugins.causal.metrics.{module}")
    assert f"harness_plugins.causal.metrics.{module}" in loaded
    assert not loaded & {"sklearn", "lightgbm", "torch", "scipy.stats", "pandas"}


@pytest.mark.parametrize("name", MODULES)
def test_public_names_exist_and_are_documented(name) -> None:
    module = importlib.import_module(f"harness_plugins.causal.metrics.{name}")
    assert module.__all__ == sorted(module.__all__)
    assert all(getattr(module, public).__doc__ for public in module.__all__)
