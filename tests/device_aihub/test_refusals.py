"""Jobs that fail, requests that are refused, and what must never be told."""

from __future__ import annotations

import pytest

from harness.spec import Unavailable

TYPES = "JOB_FAILURE_TYPE_"


def _fails(standin, failure, reason=""):
    return standin.Fate(failure=standin.pb.JobFailureType.Value(TYPES + failure), reason=reason)


@pytest.mark.parametrize(
    ("failure", "reason", "outcome"),
    [
        ("MODEL_INVALID", "op GridSample\nis not supported", "error"),
        ("RUNTIME_TIMEOUT", "", "timeout"),
        ("RUNTIME_DEVICE_OOM", "killed", "oom"),
        ("UNKNOWN", "Job timed out after 8h", "timeout"),
    ],
)
@pytest.mark.parametrize("kind", ["compile", "inference"])
def test_a_failed_job_ends_the_node_and_is_not_paid_for_again(
    hub, bench, component, standin, journal, kind, failure, reason, outcome
):
    hub.fates[kind] = [_fails(standin, failure, reason)]
    for _ in range(2):
        with pytest.raises(Exception, match=failure) as caught:
            bench().measure([component()])
        assert caught.value.outcome == outcome
    [id_] = hub.submitted(kind)
    words = " ".join(reason.split()) or "no reason given"
    assert str(caught.value) == (
        f"g_s: {kind} job failed: {failure}: {words} ({hub.url}/jobs/{id_}/)"
    )
    [failed] = [line for line in journal() if line.get("end") == "failed"]
    assert failed["about"]["failure_type"] == failure


def test_a_failure_that_this_client_does_not_know_is_told_by_its_number(
    hub, bench, component, standin
):
    hub.fates["inference"] = [standin.Fate(failure=4711, reason="new")]
    with pytest.raises(Exception, match="unknown 4711: new"):
        bench().measure([component()])


def test_a_failure_of_the_services_own_is_tried_again(hub, bench, component, standin):
    hub.fates["inference"] = [_fails(standin, "RUNTIME_INTERNAL_SERVICE_BUSY")] * 2
    bench().measure([component()])
    assert len(hub.submitted("inference")) == 3


def test_it_is_tried_three_times_in_a_run_and_again_in_the_next(hub, bench, component, standin):
    hub.fates["inference"] = [_fails(standin, "QDC_API_ERROR", "no phone")] * 4
    with pytest.raises(Exception, match="QDC_API_ERROR: no phone"):
        bench().measure([component()])
    assert len(hub.submitted("inference")) == 3
    bench().measure([component()])
    assert len(hub.submitted("inference")) == 5


def test_one_failure_leaves_the_other_components_measured(hub, bench, component, standin):
    hub.fates["compile"] = [_fails(standin, "MODEL_INVALID")]
    with pytest.raises(Exception, match=r"^h_s: "):
        bench().measure([component("h_s"), component("g_s", width=6)])
    bench().measure([component("g_s", width=6)])
    assert len(hub.submitted("compile")) == 2


def test_the_budget_bounds_what_is_ever_submitted(hub, bench, component):
    with pytest.raises(Unavailable, match=r"budget of 1 .* is spent") as caught:
        bench(budget=1).measure([component()])
    assert "budget: 2" in str(caught.value)
    assert (len(hub.submitted("compile")), len(hub.submitted("inference"))) == (1, 0)
    bench(budget=2).measure([component()])
    assert (len(hub.submitted("compile")), len(hub.submitted("inference"))) == (1, 1)


def test_tries_after_failures_are_paid_from_the_budget(hub, bench, component, standin):
    hub.fates["inference"] = [_fails(standin, "CLOUD_THROTTLED")] * 9
    with pytest.raises(Unavailable, match="budget"):
        bench(budget=3).measure([component()])
    assert len(hub.submitted("inference")) == 2


def test_a_refused_job_is_invalid_and_costs_nothing(hub, bench, component, standin):
    refusal = '{"detail": "Unknown option --frobnicate"}'
    words = "^g_s: AI Hub: Unknown option --frobnicate$"
    hub.faults = [standin.Fault("POST /api/v1/jobs/", status=400, body=refusal)]
    with pytest.raises(Exception, match=words) as caught:
        bench(budget=2).measure([component()])
    assert caught.value.outcome == "invalid"
    bench(budget=2).measure([component()])


def test_a_job_that_was_deleted_is_submitted_anew_by_the_next_run(hub, bench, component, standin):
    hub.faults = [standin.Fault("GET /api/v1/jobs/", status=404)]
    with pytest.raises(Exception, match="could not be found"):
        bench().measure([component()])
    bench().measure([component()])
    assert len(hub.submitted("compile")) == 2


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("Samsung Galaxy S24", "Samsung Galaxy S24 (Family)"),
        ("Samsung Galaxy S23 (Famly)", "Samsung Galaxy S23 (Family)"),
        ("chipset:qualcomm-snapdragon-8gen33", "chipset:qualcomm-snapdragon-8gen3"),
    ],
)
def test_a_device_that_does_not_exist_is_invalid_and_the_nearest_is_named(
    hub, bench, component, wanted, nearest
):
    with pytest.raises(Exception, match="has no device") as caught:
        bench(device=wanted).measure([component()])
    assert caught.value.outcome == "invalid"
    assert str(caught.value) == f"AI Hub has no device {wanted!r} (did you mean {nearest!r}?)"
    assert hub.submitted("compile") == []


def test_a_device_by_an_attribute_is_pinned_to_what_was_chosen(hub, bench, component):
    made = bench(device="chipset:qualcomm-snapdragon-8gen2")
    device = made.measure([component()]).record["device"]
    assert device["chosen"] == device["resolved"] == "Samsung Galaxy S23 (Family)"
    [id_] = hub.submitted("inference")
    assert hub.jobs[id_].message.inference_job.device.name == "Samsung Galaxy S23 (Family)"


# --- the account ---------------------------------------------------------------------------


def test_a_wrong_token_is_unavailable_and_says_how_to_get_one(hub, bench, component, tmp_path):
    hub.configure(tmp_path / "hub.ini", token="wr0ng-token")
    with pytest.raises(Unavailable, match="does not accept the token") as caught:
        bench().measure([component()])
    assert "qai-hub configure --api_token" in caught.value.remedy
    assert "wr0ng-token" not in str(caught.value)


def test_a_configuration_without_a_token_is_unavailable(hub, bench, component, tmp_path):
    (tmp_path / "hub.ini").write_text("[api]\napi_url = https://example.org\n")
    with pytest.raises(Unavailable, match="token is missing"):
        bench().measure([component()])


def test_an_old_client_is_told_to_upgrade(hub, bench, component, standin):
    hub.faults = [standin.Fault("GET /api/v1/devices", status=426, body="too old")]
    with pytest.raises(Unavailable, match="pip install --upgrade qai-hub"):
        bench().measure([component()])


def test_the_token_is_nowhere(hub, bench, component, standin, tmp_path, capfd, caplog):
    caplog.set_level("DEBUG")
    echo = f'{{"detail": "bad header Authorization: token {standin.TOKEN}"}}'
    hub.faults = [standin.Fault("POST /api/v1/jobs/", status=400, body=echo)]
    with pytest.raises(Exception, match="bad header Authorization: token …") as caught:
        bench().measure([component()])
    hub.fates["compile"] = [_fails(standin, "QDC_API_ERROR", f"token {standin.TOKEN}")]
    hub.frameworks["echo"] = standin.TOKEN
    run = bench().measure([component()])
    told = [repr(caught.value), repr(run.record), *capfd.readouterr(), caplog.text]
    files = [p for p in (tmp_path / "device").rglob("*") if p.is_file()]
    told += [str(files), *(p.read_bytes().decode("latin-1") for p in files)]
    assert len(files) >= 3
    assert [text for text in told if standin.TOKEN in text] == []
