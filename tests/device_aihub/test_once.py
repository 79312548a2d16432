"""Each job is submitted once, whatever becomes of the answer, the service or this program."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from harness.spec import Unavailable

KINDS = ("compile", "inference")
JOBS = "POST /api/v1/jobs/"


def _submissions(hub):
    return {kind: len(hub.submitted(kind)) for kind in KINDS}


ONCE = {"compile": 1, "inference": 1}


def test_the_client_by_itself_would_make_a_second_job(hub, standin, component, tmp_path):
    """The control: the fault that the other tests inject does double jobs."""
    import qai_hub

    from harness_plugins.device_host.export import to_pt2

    one = component()
    path = tmp_path / "model.pt2"
    path.write_bytes(to_pt2(one.module, one.inputs))
    hub.faults = [standin.Fault(JOBS, after=True)]
    client = qai_hub.Client()
    client.set_verbose(False)
    client.submit_compile_job(str(path), qai_hub.Device(standin.S24.name))
    assert _submissions(hub)["compile"] == 2


@pytest.mark.parametrize("status", [502, 504, None])
@pytest.mark.parametrize("accepted", [0, 1])
def test_an_answer_that_is_lost_makes_no_second_job(
    hub, bench, component, standin, status, accepted
):
    hub.faults = [
        standin.Fault(JOBS, times=accepted, status=429),
        standin.Fault(JOBS, after=True, status=status),
        standin.Fault(JOBS, after=True, status=status),
    ]
    bench().measure([component()])
    assert _submissions(hub) == ONCE


def test_a_job_that_is_not_shown_yet_is_waited_for(hub, bench, component, standin):
    hub.faults = [standin.Fault(JOBS, after=True)]
    hub.hidden = 3
    bench(pace={"settle": 30.0}).measure([component()])
    assert hub.hidden == 0
    assert _submissions(hub) == ONCE


def test_a_job_is_found_among_many_whatever_the_clocks_say(hub, bench, component, standin):
    hub.crowd = 120
    hub.faults = [standin.Fault(JOBS, after=True), standin.Fault(JOBS, after=True)]
    bench().measure([component()])
    assert _submissions(hub) == ONCE


def test_a_request_that_never_arrived_is_made_again(hub, bench, component, standin, journal):
    hub.faults = [standin.Fault(JOBS, status=503)]
    bench().measure([component()])
    assert _submissions(hub) == ONCE
    assert next(line["end"] for line in journal() if line["event"] == "ended") == "lost"


def test_haste_is_excused(hub, bench, component, standin):
    hub.faults = [standin.Fault(JOBS, times=3, status=429)]
    bench(budget=2).measure([component()])
    assert _submissions(hub) == ONCE


@pytest.mark.parametrize("status", [429, 502, None])
def test_looking_at_a_job_may_fail_for_a_while(hub, bench, component, standin, status):
    hub.faults = [standin.Fault("GET /api/v1/jobs/", times=9, status=status)]
    bench().measure([component()])
    assert _submissions(hub) == ONCE


def test_uploads_are_tried_again(hub, bench, component, standin):
    hub.faults = [
        standin.Fault("POST /api/v1/models/", times=2, status=503),
        standin.Fault("PUT /blob/models", times=1, status=500),
        standin.Fault("PATCH /api/v1/datasets", times=1),
    ]
    bench().measure([component()])
    assert _submissions(hub) == ONCE


def test_a_service_that_is_not_there_is_unavailable(hub, bench, component):
    made = bench()
    hub.__exit__()
    with pytest.raises(Unavailable, match="cannot be reached"):
        made.measure([component()])


def test_a_service_that_goes_away_is_unavailable_and_its_jobs_are_found_again(
    hub, bench, component, standin
):
    gone = standin.Fault("GET /api/v1/jobs/", times=10**9, status=None)
    hub.faults = [gone]
    with pytest.raises(Unavailable, match="jobs that were submitted"):
        bench(pace={"patience": 0.25}).measure([component()])
    assert _submissions(hub) == {"compile": 1, "inference": 0}
    gone.times = 0
    bench().measure([component()])
    assert _submissions(hub) == ONCE


@pytest.fixture
def exported(component):
    """Export once: the first time, torch imports for seconds."""
    from harness_plugins.device_aihub.work import prepare

    prepare(component(), "pt2")


def test_a_request_that_hangs_ends_at_the_deadline(hub, bench, component, standin, exported):
    held = threading.Event()
    hub.faults = [standin.Fault(JOBS, after=True, status=502, hold=held)]
    with pytest.raises(Exception, match="has not answered after 3 s") as caught:
        bench(deadline=3).measure([component()])
    held.set()
    assert caught.value.outcome == "timeout"
    bench().measure([component()])
    assert _submissions(hub) == ONCE


def test_at_the_deadline_a_job_goes_on_and_is_waited_for_again(
    hub, bench, component, standin, exported
):
    slow = standin.Fate([standin.pb.JOB_STATE_PROVISIONING_DEVICE] * 10**4)
    hub.fates["compile"] = [slow]
    with pytest.raises(Exception, match="PROVISIONING_DEVICE") as caught:
        bench(deadline=3).measure([component()])
    assert caught.value.outcome == "timeout"
    [id_] = hub.submitted("compile")
    assert f"{hub.url}/jobs/{id_}/" in str(caught.value)
    hub.jobs[id_].states.clear()
    bench().measure([component()])
    assert _submissions(hub) == ONCE


def test_a_state_that_this_client_does_not_know_is_waited_out_and_noted(
    hub, bench, component, standin, journal
):
    hub.fates["inference"] = [standin.Fate([110, 110, standin.pb.JOB_STATE_UNSPECIFIED])]
    bench().measure([component()])
    [id_] = hub.submitted("inference")
    noted = [line for line in journal() if line["event"] == "noted"]
    assert [(line["job"], line["state"]) for line in noted] == [(id_, "unknown 110")]


def test_the_same_again_submits_nothing(hub, bench, component):
    first = bench().measure([component()])
    before = len(hub.requests)
    again = bench(budget=1).measure([component()])
    assert _submissions(hub) == ONCE
    assert again.record == first.record
    np.testing.assert_array_equal(again.outputs["g_s"], first.outputs["g_s"])
    # which device is meant and with what it compiles is all that is asked
    assert hub.requests[before:] == ["GET /api/v1/devices/", "GET /api/v1/frameworks/"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"device": "Samsung Galaxy S23 (Family)"}, {"compile": 2, "inference": 2}),
        ({"device": "chipset:qualcomm-snapdragon-8gen3"}, ONCE),
        ({"runtime": "tflite"}, {"compile": 2, "inference": 2}),
        ({"options": "--quantize_io"}, {"compile": 2, "inference": 2}),
        ({"profile_options": "--compute_unit cpu"}, {"compile": 1, "inference": 2}),
        ({"budget": 7, "deadline": 50}, ONCE),
    ],
)
def test_what_differs_is_measured_anew(hub, bench, component, changes, expected):
    bench().measure([component()])
    bench(**changes).measure([component()])
    assert _submissions(hub) == expected
    sources = [line for line in hub.requests if line == "POST /api/v1/models/"]
    assert len(sources) == 1  # the module is uploaded once


def test_other_tools_or_weights_are_measured_anew(hub, bench, component):
    bench().measure([component()])
    bench().measure([component(seed=1)])
    hub.frameworks["QAIRT"] = "2.52.0"
    bench().measure([component()])
    assert _submissions(hub) == {"compile": 3, "inference": 3}


def test_what_the_device_returned_is_fetched_again_where_the_file_is_gone(
    hub, bench, component, tmp_path
):
    first = bench().measure([component()])
    [kept] = (tmp_path / "device" / "outputs").iterdir()
    kept.unlink()
    again = bench().measure([component()])
    np.testing.assert_array_equal(again.outputs["g_s"], first.outputs["g_s"])
    assert _submissions(hub) == ONCE
