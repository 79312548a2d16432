"""Jobs, each submitted once: journaled before it is asked for, found again after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qai_hub import public_api_pb2 as pb

from harness_plugins.device_aihub.deadline import Deadline, Pace, TimeUpError
from harness_plugins.device_aihub.journal import Attempt, Journal
from harness_plugins.device_aihub.service import BusyError, LostError, RefusedError, Service

__all__ = ["JobFailedError", "Jobs", "Task"]

_TRIES = 3  # of a job that fails for a reason of AI Hub's own, in one run
# failures that are not the model's: the same job may succeed a moment later
_TRANSIENT = frozenset(
    {
        "INTERNAL_UNKNOWN",
        "CLOUD_API_ERROR",
        "CLOUD_RESOURCE_MISSING",
        "CLOUD_THROTTLED",
        "QDC_API_ERROR",
        "RUNTIME_FAILED_DEPENDENCY",
        "RUNTIME_INTERNAL_SERVICE_BUSY",
    }
)
_OUTCOMES = {
    "RUNTIME_TIMEOUT": "timeout",
    "RUNTIME_DEVICE_OOM": "oom",
    "RUNTIME_OUT_OF_MEMORY": "oom",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something that one job does.

    Attributes:
        kind: ``"compile"`` or ``"inference"``.
        key: digest of the work; whoever does it holds its lock.
        title: for people.
        make: returns ``pb.Job`` without a name, with what it needs uploaded.
    """

    kind: str
    key: str
    title: str
    make: Callable[[], Any]


class JobFailedError(Exception):
    """AI Hub ended a job as failed.

    Args:
        task: what it was to do.
        about: what the journal holds of it: ``failure_type``, ``reason``, ``url``.
    """

    def __init__(self, task: Task, about: Mapping[str, Any]) -> None:
        failure, reason = about["failure_type"], about["reason"]
        super().__init__(
            f"{task.title}: {task.kind} job failed: {failure}: {reason or 'no reason given'} "
            f"({about['url']})"
        )
        timed_out = "timed out" in reason.lower()
        self.outcome = _OUTCOMES.get(failure, "timeout" if timed_out else "error")


class Jobs:
    """The jobs of one measurement.

    Args:
        service, journal: who is asked, and where it is written down.
        pace, deadline: how often, and for how long.
        budget: jobs that may ever be submitted from the journal's folder.
    """

    def __init__(
        self, service: Service, journal: Journal, pace: Pace, deadline: Deadline, budget: int
    ) -> None:
        self._service, self._journal = service, journal
        self._pace, self._deadline, self._budget = pace, deadline, budget
        self._failures: dict[str, int] = {}

    def start(self, task: Task) -> Attempt:
        """Return the submission for a task: the one there is, or a new one.

        Raises:
            JobFailedError: it failed before, and would again.
            RefusedError: AI Hub does not take such a job.
            Unavailable: the budget is spent.
        """
        while True:
            attempts = self._journal.attempts(task.key)
            last = attempts[-1] if attempts else None
            if last is None or not last.counts or self._may_repeat(last):
                self._submit(task)
            elif last.end == "failed":
                raise JobFailedError(task, last.about)
            elif last.job:
                return last
            else:
                self._find(last)

    def finish(self, task: Task) -> tuple[Attempt, Any]:
        """Wait for a task's job, and return its submission and ``pb.Job``.

        Raises:
            JobFailedError: it failed.
            TimeUpError: it is not done at the deadline; it goes on at AI Hub.
        """
        while True:
            attempt = self.start(task)
            job = self._wait(task, attempt)
            if job is not None:
                return attempt, job

    def done(self, attempt: Attempt, about: Mapping[str, Any]) -> None:
        """Write what came of a job; it is never asked for again."""
        self._journal.ended(attempt, "done", about)

    def _may_repeat(self, last: Attempt) -> bool:
        if last.end != "failed" or last.about["failure_type"] not in _TRANSIENT:
            return False
        return self._failures.get(last.key, 0) < _TRIES

    def _submit(self, task: Task) -> None:
        """Ask once. Where the answer is lost, the submission stays open."""
        wanted = task.make()
        attempt = self._journal.intend(task.key, task.kind, task.title, self._budget)
        getattr(wanted, wanted.WhichOneof("job")).name = attempt.name
        try:
            job = self._service.submit(wanted)
        except RefusedError as error:
            self._journal.ended(attempt, "refused", {"reason": str(error)})
            raise RefusedError(f"{task.title}: {error}") from None
        except BusyError as error:
            self._journal.ended(attempt, "refused", {"reason": str(error)})
            self._deadline.pause(self._pace.again, str(error))
        except LostError as error:
            self._deadline.pause(self._pace.again, f"the answer to a submission was lost: {error}")
        else:
            self._journal.submitted(attempt, job)

    def _find(self, attempt: Attempt) -> None:
        """Look for a job of which the id was never heard.

        A request may be under way when its sender is killed, so AI Hub is given time to show it
        before it counts as never accepted.
        """
        age = time.time() - attempt.started
        job = self._service.find(attempt.kind, attempt.name, attempt.started)
        if job:
            self._journal.submitted(attempt, job)
        elif age > self._pace.settle:
            reason = f"AI Hub knows no job of this name after {age:.0f} s"
            self._journal.ended(attempt, "lost", {"reason": reason})
        else:
            why = "the answer to a submission was lost, AI Hub does not show the job yet"
            self._deadline.pause(min(self._pace.again, self._pace.settle), why)

    def _wait(self, task: Task, attempt: Attempt) -> Any:
        """Return ``pb.Job`` when it is done, None where it failed and may be repeated."""
        state, noted = "submitted", set()
        while True:
            try:
                job = self._service.job(attempt.job)
            except RefusedError as error:
                self._journal.ended(attempt, "lost", {"reason": str(error)})
                raise
            except TimeUpError:
                raise self._unfinished(attempt, state) from None
            part = getattr(job, job.WhichOneof("job"))
            if part.job_state == pb.JOB_STATE_DONE:
                return job
            if part.job_state == pb.JOB_STATE_FAILED:
                return self._failed(task, attempt, job, part)
            state = _name(pb.JobState, part.job_state, "JOB_STATE_")
            if state.startswith("unknown") and state not in noted:
                noted.add(state)
                self._journal.append({"event": "noted", "job": attempt.job, "state": state})
            try:
                self._deadline.pause(self._pace.poll, "")
            except TimeUpError:
                raise self._unfinished(attempt, state) from None

    def _unfinished(self, attempt: Attempt, state: str) -> TimeUpError:
        return TimeUpError(
            f"{attempt.kind} job {attempt.job} is {state} after {self._deadline.seconds:g} s; it "
            "goes on at AI Hub, and the same command waits for it again "
            f"({self._service.job_url(attempt.job)})"
        )

    def _failed(self, task: Task, attempt: Attempt, job: Any, part: Any) -> None:
        about = {
            "failure_type": _name(pb.JobFailureType, job.failure_type, "JOB_FAILURE_TYPE_"),
            "reason": self._service.without_token(" ".join(part.failure_reason.split())),
            "url": self._service.job_url(attempt.job),
        }
        self._journal.ended(attempt, "failed", about)
        self._failures[attempt.key] = self._failures.get(attempt.key, 0) + 1
        attempt.end, attempt.about = "failed", about
        if not self._may_repeat(attempt):
            raise JobFailedError(task, about)


def _name(enum: Any, value: int, prefix: str) -> str:
    """Return the name of a value; of one that this client does not know, its number."""
    if value not in enum.values():
        return f"unknown {value}"
    return str(enum.Name(value).removeprefix(prefix))
