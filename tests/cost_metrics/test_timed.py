"""What devices measured: sums of statistics, intervals, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cost import NotMeasuredError
from harness_plugins.cost.metrics.timed import device_memory, latency, waited

PLATFORM = "measured-host|torch|float32|threads:1|this machine|A processor|torch:2.6"


def part(name="a", samples=(1000.0,), step="", calls=1, **given):
    return {
        "name": name,
        "step": step,
        "calls": calls,
        "sha256": "0" * 64,
        "samples_us": list(samples),
    } | given


def run(*parts, **given):
    return {
        "kind": "measured-host",
        "statistic": "median",
        "device": {
            "asked": "host",
            "resolved": "this machine",
            "processor": "A processor",
            "versions": {"torch": "2.6"},
        },
        "runtime": "torch",
        "precision": "float32",
        "threads": 1,
        "components": list(parts),
    } | given


def test_medians_are_summed_over_calls():
    found = latency()(run(part("a", [1000, 2000, 9000]), part("b", [500, 500, 600], calls=4)))
    assert found.value == pytest.approx(2.0 + 4 * 0.5)
    assert found.how == f"median|{PLATFORM}"
    assert (found.n, found.note) == (3, "")


@given(
    st.lists(
        st.tuples(st.integers(1, 20), st.lists(st.floats(1, 1e7), min_size=1, max_size=30)),
        min_size=1,
        max_size=4,
    )
)
def test_the_sum_of_any_record(components):
    parts = [part(str(n), samples, calls=c) for n, (c, samples) in enumerate(components)]
    for statistic, numpy in [
        ("headline", np.median),
        ("p90", lambda x: np.quantile(x, 0.9)),
        ("min", np.min),
    ]:
        found = latency(statistic)(run(*parts))
        expected = sum(c * float(numpy(samples)) for c, samples in components) / 1e3
        assert found.value == pytest.approx(expected)
        assert len(found.replicates) == (0 if statistic == "min" else 200)
        low = sum(c * min(samples) for c, samples in components) / 1e3
        high = sum(c * max(samples) for c, samples in components) / 1e3
        assert all(low * (1 - 1e-9) <= r <= high * (1 + 1e-9) for r in found.replicates)


def test_statistics_are_never_of_one_signature():
    made = run(part(samples=np.arange(1.0, 201.0)))
    hows = {statistic: latency(statistic)(made).how for statistic in ("headline", "p90", "min")}
    assert hows == {
        "headline": f"median|{PLATFORM}",
        "p90": f"p90|{PLATFORM}",
        "min": f"min of 100|{PLATFORM}",
    }


def test_the_minimum_is_of_as_many_calls_for_all():
    quick = run(part(samples=[5.0] * 100 + [1.0] * 900))
    assert latency("min")(quick).value == 0.005
    slow = run(part("a", [5.0] * 60), part("b", [5.0] * 200))
    assert latency("min")(slow).how.startswith("min of 60…100|")


def test_replicates_know_how_sure_a_median_is():
    rng = np.random.default_rng(0)
    samples = 1000 + 50 * rng.standard_normal(400)
    found = latency()(run(part(samples=samples)))
    # sd of the median of n normal values: sqrt(pi / 2 / n) sd
    expected = np.sqrt(np.pi / 2 / 400) * 0.05
    assert np.std(found.replicates) == pytest.approx(expected, rel=0.4)
    assert np.mean(found.replicates) == pytest.approx(found.value, abs=2 * expected)
    late = latency("p90")(run(part(samples=samples)))
    assert np.mean(late.replicates) == pytest.approx(late.value, abs=0.02)
    assert np.std(late.replicates) > np.std(found.replicates)


def test_the_same_record_gives_the_same_replicates():
    made = run(part(samples=np.random.default_rng(1).exponential(100, 150) + 1))
    for statistic in ("headline", "p90"):
        assert latency(statistic)(made) == latency(statistic)(made)


def test_a_step_alone_and_what_holds_others():
    made = run(
        part("g_a", [1000.0], step="encode"),
        part("entropy", [10.0], step="decode", sha256=None),
        part("g_s", [2000.0], step="decode"),
        part("decode", [9000.0], step="whole", sha256=None),
    )
    assert latency(step="decode")(made).value == pytest.approx(2.01)
    assert latency(step="whole")(made).value == pytest.approx(9.0)
    assert latency()(made).value == pytest.approx(3.01)


def test_a_model_without_modules_is_summed_as_a_whole():
    made = run(
        part("encode", [1000.0], step="encode", sha256=None),
        part("decode", [2000.0], step="decode", sha256=None),
    )
    assert latency()(made).value == pytest.approx(3.0)


def hub(*jobs, **given):
    runs = [{"samples_us": list(job)} for job in jobs]
    return part(samples=[t for job in jobs for t in job], runs=runs, **given)


def test_the_headline_of_a_device_is_its_own():
    one = run(hub([400.0] * 99 + [350.0]), kind="measured-device", statistic="min")
    found = latency()(one)
    assert found.value == pytest.approx(0.35)
    assert found.how.startswith("min of 100|measured-device|")
    assert found.replicates == ()


def test_of_several_jobs_the_interval_is_of_jobs():
    times = [[400.0] * 100, [410.0] * 100, [500.0] * 100]
    found = latency()(run(hub(*times), kind="measured-device", statistic="min"))
    assert found.value == pytest.approx(0.41)
    assert found.how.startswith("min of 100, median of 3 jobs|")
    assert set(np.round(found.replicates, 6)) == {0.4, 0.41, 0.5}
    assert found.n == 3


@pytest.mark.parametrize("kind", ["simulated", "predicted", "published"])
def test_nothing_but_measurements_has_a_latency(kind):
    made = run(part(), kind=kind)
    for metric in (latency(), waited(), device_memory()):
        with pytest.raises(
            NotMeasuredError, match=f"^{kind}: nothing was measured on this machine$"
        ):
            metric(made)


def test_a_component_that_failed_costs_the_sum():
    made = run(part("a"), part("b", [], failure="out of memory on the device"))
    with pytest.raises(NotMeasuredError, match=r"^component b: out of memory on the device$"):
        latency()(made)
    with pytest.raises(NotMeasuredError, match=r"^component b: it was not timed$"):
        latency()(run(part("b", [])))


@pytest.mark.parametrize(
    ("share", "noted", "unranked"),
    [
        (None, "", ""),
        (0.0, "", ""),
        (0.02, "", ""),
        (0.021, "2.1% of the time was spent waiting for a core", ""),
        (0.10, "10.0% of the time was spent waiting for a core", ""),
        (0.11, "", "not ranked: 11% of the time was spent waiting for a core"),
    ],
)
def test_a_busy_machine_is_told_and_at_last_not_ranked(share, noted, unranked):
    found = latency()(run(part(waited=share)))
    assert (found.note, found.unranked) == (noted, unranked)
    assert found.how == f"median|{PLATFORM}"


def test_waiting_is_weighted_by_what_a_component_takes():
    made = run(part("long", [9000.0], waited=0.1), part("short", [100.0], calls=10, waited=0.0))
    assert waited()(made).value == pytest.approx(9.0)
    assert waited()(made).how == PLATFORM
    with pytest.raises(NotMeasuredError, match="does not tell"):
        waited()(run(part(waited=None)))


def test_a_warm_up_that_did_not_settle_is_told():
    made = run(part("a", settled=True), part("b", settled=False))
    assert latency()(made).note == "times of b had not settled when the warm-up ended"


def test_what_a_device_could_not_run_is_told():
    made = run(part(), left_out=["entropy"])
    assert latency()(made).note == "without entropy: no module, it cannot run there"


def test_memory_is_named_for_what_it_is():
    made = run(
        part("a", memory_bytes={"inference peak": 3_000_000, "compile peak": 9_000_000}),
        part("b", memory_bytes={"inference peak": 5_000_000}),
        part("c"),
    )
    found = device_memory()(made)
    assert found.value == 5.0
    assert found.how == f"inference peak|{PLATFORM}"
    with pytest.raises(NotMeasuredError, match="reports no memory"):
        device_memory()(run(part()))


def test_the_platform_leaves_out_what_is_not_known():
    device = {"asked": "Phone", "resolved": "Phone 2", "soc": "SM1", "os": "14", "versions": {}}
    made = run(part(), kind="measured-device", device=device, threads=None, statistic="min")
    assert latency()(made).how == "min of 1|measured-device|torch|float32|Phone 2|SM1|14"
