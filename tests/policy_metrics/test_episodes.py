"""Numbers of episodes against worked values and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from harness.registry import resolve
from harness_plugins.policy import harness_families
from harness_plugins.policy.interface import Lacking
from harness_plugins.policy.metrics import METRICS, episodes, information, series

NAN = np.nan


@pytest.fixture
def trajectories():
    """Three episodes of at most four steps, two actions."""
    rng = np.random.default_rng(0)
    given = rng.dirichlet([1, 1], size=(3, 4))
    exact = rng.dirichlet([2, 1], size=(3, 4))
    return {
        "rewards": np.array([[1, 2, 3, 4], [5, -1, NAN, NAN], [0.5, NAN, NAN, NAN]]),
        "lengths": np.array([4, 2, 1]),
        "actions": np.array([[0, 0, 1, 1], [1, 0, 0, 0], [1, 1, 1, 1]]),
        "context": np.array([[0.0], [1.0], [1.0]]),
        "terminated": np.array([True, False, True]),
        "success": np.array([True, False, True]),
        "regret": np.array([[0, 1, 0, 1], [2, 0, NAN, NAN], [0, NAN, NAN, NAN]], float),
        "best_actions": np.array([[0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]),
        "probabilities": given,
        "interventional": exact,
    }


def test_numbers_of_each_episode(trajectories):
    assert episodes.episode_return()(trajectories).tolist() == [10, 4, 0.5]
    assert episodes.episode_length()(trajectories).tolist() == [4, 2, 1]
    assert episodes.success()(trajectories).tolist() == [1, 0, 1]
    assert episodes.regret()(trajectories).tolist() == [2, 2, 0]
    assert episodes.context_index()(trajectories).tolist() == [0, 1, 1]


def test_only_steps_of_the_episode_repeat(trajectories):
    found = episodes.action_repeats()(trajectories)
    assert found[:2] == pytest.approx([2 / 3, 0])
    assert np.isnan(found[2])  # one step repeats nothing


def test_probability_of_the_best_action_is_that_of_a_plain_loop(trajectories):
    t = trajectories
    plain = [
        np.mean([t["probabilities"][e, s, t["best_actions"][e, s]] for s in range(n)])
        for e, n in enumerate(t["lengths"])
    ]
    assert episodes.best_action_probability()(t) == pytest.approx(plain)


def test_divergence_is_that_of_scipy(trajectories):
    from scipy.stats import entropy

    t = trajectories
    plain = [
        np.mean([entropy(t["interventional"][e, s], t["probabilities"][e, s]) for s in range(n)])
        for e, n in enumerate(t["lengths"])
    ]
    assert episodes.kl_interventional()(t) == pytest.approx(plain)
    same = {**t, "probabilities": t["interventional"]}
    assert episodes.kl_interventional()(same).tolist() == [0, 0, 0]


def test_an_action_that_is_never_chosen_diverges_finitely(trajectories):
    sure = np.zeros_like(trajectories["probabilities"])
    sure[..., 0] = 1
    found = episodes.kl_interventional()({**trajectories, "probabilities": sure})
    assert np.all(np.isfinite(found))
    assert np.all(found > 1)


def test_experts_likelihood():
    log_prob = np.log([[0.5, 0.25, NAN], [0.125, NAN, NAN]])
    assert episodes.expert_nll()({"log_prob": log_prob}) == pytest.approx(
        [1.5 * np.log(2), 3 * np.log(2)]
    )


@pytest.mark.parametrize(
    ("metric", "lacks"),
    [
        ("success", "success"),
        ("regret", "regret"),
        ("best_action_probability", "best_actions"),
        ("best_action_probability", "probabilities"),
        ("kl_interventional", "interventional"),
        ("kl_interventional", "probabilities"),
    ],
)
def test_what_is_not_known_is_skipped_with_the_reason(trajectories, metric, lacks):
    del trajectories[lacks]
    with pytest.raises(Lacking, match=r"not|no") as caught:
        getattr(episodes, metric)()(trajectories)
    assert caught.value.outcome == "skipped"


def test_continuous_actions_and_contexts_have_no_numbers(trajectories):
    with pytest.raises(Lacking, match="continuous"):
        episodes.action_repeats()({**trajectories, "actions": np.zeros((3, 4, 2))})
    with pytest.raises(Lacking, match="finitely"):
        episodes.context_index()({**trajectories, "context": np.full((3, 1), 0.5)})


def test_series_keep_what_an_episode_had(trajectories):
    assert series.cumulative_return(trajectories).tolist()[1] == [5, 4, 4, 4]
    assert series.cumulative_regret(trajectories).tolist()[0] == [0, 1, 1, 2]
    del trajectories["regret"]
    with pytest.raises(Lacking):
        series.cumulative_regret(trajectories)


def test_what_was_told_is_counted():
    told = {"demonstrations": 5, "simulator_steps": 7, "expert_queries": 9, "privileged": True}
    assert information.demonstrations_seen()(told) == 5
    assert information.simulator_steps()(told) == 7
    assert information.expert_queries()(told) == 9
    assert information.sees_context()(told) == 1


def test_every_metric_finds_its_inputs_and_its_factory():
    (family,) = harness_families()
    left = {a.name for s in family.tasks[0].stages for a in s.outputs}
    for metric in METRICS:
        assert set(metric.inputs) <= left, metric.name
        assert callable(resolve(metric.factory)(**metric.params))
        assert metric.aggregate == "mean" or callable(resolve(metric.aggregate))
    assert len({m.signature for m in METRICS}) == len(METRICS)
