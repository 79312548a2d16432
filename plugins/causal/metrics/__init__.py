"""The metrics of the causal family, as declarations.

Steps of the protocol leave what they read: ``truth``, ``test``, ``interventions`` (see
:mod:`harness_plugins.causal.stages`), ``match`` and ``predictability``
(:mod:`.alignment`), ``importance`` and ``reference_importance`` (:mod:`.importance`). Where one
is not defined, it raises ``Lacking`` and is skipped with the reason.
"""

from __future__ import annotations

from harness.spec import Metric

__all__ = ["METRICS"]

_HERE = "harness_plugins.causal.metrics"
_INF = float("inf")
_UNIT = (0.0, 1.0)
_CODES = ("truth", "codes")
_GRAPH = ("truth", "adjacency", "match")
_DONE = ("test", "interventions", "intervened")
_FIT = "fit:half-a,10k|seed0"
_LIGHTGBM = f"lightgbm-gain|100x3|lr0.1|leaf1|bins:1023-ranks|{_FIT}"
_SKLEARN = f"sklearn-gbt-impurity|100x3|lr0.1|{_FIT}"
_DCI_PAPER = "Eastwood and Williams, ICLR 2018"
_ENERGY = "energy-coefficient|unbiased"
_R2 = "r2|single-latents|piecewise-linear:20-quantile-bins|fit:half-a|scored:half-b|clip0"
_MATCH = "variables:spearman,half-a"

_DCI = tuple(
    Metric(
        name=f"dci_{name}{suffix}",
        factory=f"{_HERE}.dci:{name}",
        inputs=(artifact,),
        signature=f"dci-{letter}|{how}{rest}|v1",
        better="higher",
        range=_UNIT,
        requires=requires,
        extra="causal",
        summary=summary,
        paper=_DCI_PAPER,
    )
    for suffix, artifact, how, requires in (
        ("", "importance", _LIGHTGBM, ("lightgbm>=4.5",)),
        ("_gbt", "reference_importance", _SKLEARN, ("scikit-learn>=1.6",)),
    )
    for name, letter, rest, summary in (
        ("disentanglement", "d", "|weights:sums", "each latent matters for one true variable"),
        ("completeness", "c", "|weights:sums", "each true variable is told by one latent"),
        ("informativeness", "i", "|r2:half-b|clip0", "R² of the true variables from all latents"),
    )
)

_CORRELATION = (
    *(
        Metric(
            name=f"mean_corr_coef{'_spearman' * ranks}{'_in_sample' * (not held_out)}",
            factory=f"{_HERE}.correlation:mean_corr_coef",
            params={"ranks": ranks, "held_out": held_out},
            inputs=_CODES,
            signature=(
                f"mcc|{'spearman' if ranks else 'pearson'}|linear-assignment|"
                f"{'assigned:half-a|scored:half-b' if held_out else 'in-sample'}|unmatched0|v1"
            ),
            better="higher",
            range=_UNIT,
            summary=(
                f"mean absolute {'rank ' * ranks}correlation of each true variable with its latent"
                + ("" if held_out else "; assigned and measured on the same pairs")
            ),
            paper="Hyvärinen and Morioka, NeurIPS 2016, arXiv:1605.06336",
        )
        for ranks, held_out in ((False, True), (True, True), (False, False), (True, False))
    ),
    Metric(
        name="r2_diagonal",
        factory=f"{_HERE}.correlation:r2_diagonal",
        inputs=("predictability",),
        signature=f"{_R2}|assigned:r2|diagonal|v1",
        better="higher",
        range=_UNIT,
        summary="mean R² of each true variable from the one latent assigned to it",
        paper="Lippe et al., CITRIS, ICML 2022, arXiv:2202.03169",
    ),
    Metric(
        name="r2_off_diagonal",
        factory=f"{_HERE}.correlation:r2_off_diagonal",
        inputs=("predictability",),
        signature=f"{_R2}|assigned:r2|best-other|v1",
        better="none",
        range=_UNIT,
        summary="mean R² of each true variable from the best of the other latents; variables that "
        "depend on each other have one even when each is found",
        paper="Lippe et al., CITRIS, ICML 2022, arXiv:2202.03169",
    ),
)

_SEPARATION = (
    Metric(
        name="mig",
        factory=f"{_HERE}.separation:mig",
        inputs=_CODES,
        signature="mig|bins:20-equal-width|plug-in|per-variable-entropy|in-sample|v1",
        better="higher",
        range=_UNIT,
        summary="gap in mutual information between the two latents that tell most of a variable",
        paper="Chen et al., NeurIPS 2018, arXiv:1802.04942",
    ),
    Metric(
        name="sap",
        factory=f"{_HERE}.separation:sap",
        inputs=_CODES,
        signature="sap|linear-r2|in-sample|v1",
        better="higher",
        range=_UNIT,
        summary="gap in linear R² between the two latents that tell most of a variable",
        paper="Kumar et al., ICLR 2018, arXiv:1711.00848",
    ),
    Metric(
        name="irs",
        factory=f"{_HERE}.separation:irs",
        inputs=_CODES,
        signature="irs|bins:20-equal-width|q0.99|weights:max-deviation|in-sample|v1",
        better="higher",
        range=_UNIT,
        summary="how little latents move while one variable is held and the others change",
        paper="Suter et al., ICML 2019, arXiv:1811.00007",
    ),
)

_GRAPHS = (
    *(
        Metric(
            name="shd" if reversal == 1 else "shd_reversal_2",
            factory=f"{_HERE}.graphs:shd",
            params={"reversal": reversal},
            inputs=_GRAPH,
            signature=f"shd|reversal:{reversal}|threshold>0.5|aligned:{_MATCH}|v1",
            better="lower",
            unit="edges",
            range=(0.0, _INF),
            digits=2,
            summary=f"wrong edges of the recovered graph; a reversed one counts {reversal}",
            paper=paper,
        )
        for reversal, paper in (
            (1, "Tsamardinos et al., Machine Learning 2006"),
            (2, "Kalainathan et al., Causal Discovery Toolbox, JMLR 2020, arXiv:1903.02278"),
        )
    ),
    Metric(
        name="graph_auroc",
        factory=f"{_HERE}.graphs:auroc",
        inputs=_GRAPH,
        signature=f"auroc|ordered-pairs|ties:half|aligned:{_MATCH}|v1",
        better="higher",
        range=_UNIT,
        summary="how likely a true edge is stronger than an absent one",
        paper="Hanley and McNeil, Radiology 1982",
    ),
)

_INTERVENTIONS = (
    Metric(
        name="intervention_accuracy",
        factory=f"{_HERE}.interventions:accuracy",
        inputs=("truth", "posterior"),
        signature="accuracy|targets:0-or-1|none-fixed|linear-assignment|in-sample|v1",
        better="higher",
        range=_UNIT,
        summary="share of pairs whose target is told, under the best naming of the latents",
        paper="Brehmer et al., NeurIPS 2022, arXiv:2203.16437",
    ),
    Metric(
        name="intervention_accuracy_strict",
        factory=f"{_HERE}.interventions:accuracy_strict",
        inputs=("truth", "posterior", "match"),
        signature=f"accuracy|targets:0-or-1|none-fixed|named:{_MATCH}|v1",
        better="higher",
        range=_UNIT,
        summary="share of pairs whose target is told, latents named by the values they carry",
        paper="Brehmer et al., NeurIPS 2022, arXiv:2203.16437",
    ),
)

_OBSERVATIONS = (
    Metric(
        name="counterfactual_error",
        factory=f"{_HERE}.observations:counterfactual_error",
        inputs=_DONE,
        signature=f"se/variance|single-target-pairs|values:own-code-after|latents:{_MATCH}|v1",
        better="lower",
        range=(0.0, _INF),
        summary="squared error of observations after an intervention, relative to their variance",
        paper="Pawlowski et al., NeurIPS 2020, arXiv:2006.06485",
    ),
    Metric(
        name="interventional_error",
        factory=f"{_HERE}.observations:interventional_error",
        inputs=_DONE,
        signature=f"{_ENERGY}|per-target|500-pairs|values:own-code-after|latents:{_MATCH}|v1",
        better="lower",
        range=_UNIT,
        summary="distance of the distributions of observations after an intervention",
        paper="Székely and Rizzo, J. Stat. Plan. Inference 2013",
    ),
    Metric(
        name="sample_distance",
        factory=f"{_HERE}.observations:sample_distance",
        inputs=("test", "samples"),
        signature=f"{_ENERGY}|before|1000-samples|v1",
        better="lower",
        range=_UNIT,
        summary="distance of the distributions of the model's samples and of observations",
        paper="Székely and Rizzo, J. Stat. Plan. Inference 2013",
    ),
    Metric(
        name="nll",
        factory=f"{_HERE}.observations:nll",
        inputs=("log_prob",),
        signature="nll|nats-per-pair|estimate:of-the-model|v1",
        better="lower",
        unit="nat",
        summary="mean negative log density of a test pair, as the model estimates or bounds it",
        paper="Burda et al., ICLR 2016, arXiv:1509.00519",
    ),
)

METRICS: tuple[Metric, ...] = (
    *_DCI,
    *_CORRELATION,
    *_SEPARATION,
    *_GRAPHS,
    *_INTERVENTIONS,
    *_OBSERVATIONS,
)
