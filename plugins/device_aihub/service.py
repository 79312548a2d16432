"""AI Hub through its own client: every request with one meaning for each way it can end.

The client repeats lost requests by itself. For those that ask it may; a job is submitted by one
request that is never repeated here (:meth:`Service.submit`), since the client's own would make a
second job where only the answer was lost.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from qai_hub import Client
from qai_hub import public_api_pb2 as pb
from qai_hub.client import APIException, JobType, api, api_utils
from qai_hub.util.session import create_session

from harness.errors import nearest
from harness.spec import Unavailable
from harness_plugins.device_aihub.availability import HOW_TO_GET_IN
from harness_plugins.device_aihub.deadline import Deadline, Pace

__all__ = ["BusyError", "LostError", "RefusedError", "Service"]

_PAGE = 50
_WIRE = ("requests", "urllib3", "botocore", "s3transfer")
_LATEST = 200  # jobs that are looked through, whatever the clocks say
_CLOCKS = 86400.0  # seconds by which AI Hub's clock and ours may differ


class RefusedError(Exception):
    """AI Hub understood a request and turned it down."""

    outcome = "invalid"


class BusyError(Exception):
    """AI Hub asks for patience (429); the request was not accepted."""


class LostError(Exception):
    """No answer: whether the request was carried out is not known."""


class Service:
    """AI Hub, with the account of the client's own configuration.

    Every method raises :class:`Unavailable` where AI Hub cannot be reached or does not accept the
    token, :class:`RefusedError` where it says no, ``TimeUpError`` at the deadline.

    Args:
        deadline: of all requests.
        pace: how patiently they are repeated.

    Raises:
        Unavailable: the client has no configuration.
    """

    def __init__(self, deadline: Deadline, pace: Pace) -> None:
        self._deadline, self._pace = deadline, pace
        self._heard: float | None = None
        self._client = Client()
        try:
            config = self._client.config
        except Exception as error:  # noqa: BLE001 - a damaged file raises what the parser likes
            raise Unavailable(f"AI Hub: {_line(error)}", HOW_TO_GET_IN) from None
        self._client.set_verbose(False)  # its default, and some states make it raise
        self._secret = config.api_token
        self.address = config.api_url
        self._project = config.default_project

    # --- asking ----------------------------------------------------------------------------

    def device(self, wanted: str) -> Any:
        """Return the device that AI Hub chooses for a name or an attribute (``chipset:…``).

        Raises:
            RefusedError: there is none, with the nearest there is.
        """
        given = ("", "", [wanted]) if ":" in wanted else (wanted, "", [])
        found = self._raw(api.get_device_list, *given, select=True).devices
        if len(found) == 1:
            return found[0]
        every = self._raw(api.get_device_list).devices
        if ":" in wanted:
            known = {attribute for device in every for attribute in device.attributes}
        else:
            known = {device.name for device in every}
        raise RefusedError(f"AI Hub has no device {wanted!r}{nearest(wanted, sorted(known))}")

    def versions(self) -> dict[str, str]:
        """Return what AI Hub compiles with today: framework to version."""
        frameworks = self._raw(api.get_framework_list).frameworks
        chosen = [f for f in frameworks if "default" in f.api_tags] or frameworks
        return {f.name: f.full_version for f in sorted(chosen, key=lambda f: f.name)}

    def job(self, id_: str) -> Any:
        """Return a job as the wire carries it (``pb.Job``)."""
        return self._raw(api.get_job, id_)

    def results(self, id_: str) -> Any:
        """Return the results of a job that is done (``pb.JobResult``)."""
        return self._raw(api.get_job_results, id_)

    def job_url(self, id_: str) -> str:
        """Return the page of a job."""
        return f"{self._client.config.web_url.rstrip('/')}/jobs/{id_}/"

    def find(self, kind: str, name: str, since: float) -> str:
        """Return the id of the job that is called ``name``, ``""`` where there is none.

        Args:
            kind: ``"compile"`` or ``"inference"``.
            since: it was not made before, in seconds since 1970.
        """
        for place, summary in enumerate(self._summaries(kind)):
            if summary.name == name:
                return str(summary.job_id)
            made = summary.creation_time.seconds
            if place >= _LATEST and 0 < made < since - _CLOCKS:
                break
        return ""

    def _summaries(self, kind: str) -> Iterator[Any]:
        """Yield summaries of jobs, newest first."""
        offset = 0
        while True:
            page = self._raw(
                api.get_job_summary_list,
                offset=offset,
                limit=_PAGE,
                job_type=JobType[kind.upper()].value,
            ).job_summaries
            for summary in page:
                yield getattr(summary, summary.WhichOneof("job"))
            if len(page) < _PAGE:
                return
            offset += _PAGE

    def without_token(self, told: Any) -> Any:
        """Return plain JSON with the token, should AI Hub repeat it, left out of its texts."""
        if isinstance(told, str):
            return told.replace(self._secret, "…") if self._secret else told
        if isinstance(told, dict):
            return {self.without_token(k): self.without_token(v) for k, v in told.items()}
        return [self.without_token(v) for v in told] if isinstance(told, list) else told

    # --- giving ----------------------------------------------------------------------------

    def upload_model(self, data: bytes, name: str, suffix: str) -> str:
        """Upload a model file and return AI Hub's id for it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"model.{suffix}")
            path.write_bytes(data)
            model = self._do(self._client.upload_model, str(path), name)
        return str(model.model_id)

    def upload_dataset(self, arrays: Mapping[str, Any], name: str) -> str:
        """Upload one sample of each input, in order, and return AI Hub's id for it."""
        entries = {key: [array] for key, array in arrays.items()}
        return str(self._do(self._client.upload_dataset, entries, name).dataset_id)

    def submit(self, job: Any) -> str:
        """Submit a job by a single request, and return AI Hub's id for it.

        Args:
            job: ``pb.Job``.

        Raises:
            RefusedError, BusyError: no job was made.
            LostError: one may have been made; its name tells.
        """
        answer = self._once(
            lambda: self._client._api_call(_post_job, job, self._project)  # noqa: SLF001
        )
        if not answer.id:
            raise RefusedError(f"AI Hub refuses the job: {self._clean(answer.status)}")
        return str(answer.id)

    # --- taking ----------------------------------------------------------------------------

    def dataset(self, id_: str) -> dict[str, Any]:
        """Return the first sample of each array of a dataset, in order."""
        found = self._do(lambda: self._client.get_dataset(id_).download())
        return {name: batches[0] for name, batches in found.items()}

    def compiled(self, model: str) -> tuple[str, int]:
        """Return sha256 and bytes of a compiled model as AI Hub hands it out."""
        with tempfile.TemporaryDirectory() as folder:
            path = self._raw(
                api.download_model, model, file_path=str(Path(folder, "model")), verbose=False
            )
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256")
                return digest.hexdigest(), file.tell()

    # --- requests --------------------------------------------------------------------------

    def _raw(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self._do(lambda: self._client._api_call(function, *args, **kwargs))  # noqa: SLF001

    def _do(self, function: Callable[..., Any], *args: Any) -> Any:
        """Make a request that may be repeated, until it is answered."""
        while True:
            try:
                return self._once(function, *args)
            except BusyError as error:
                self._deadline.pause(self._pace.again, str(error))
            except LostError as error:
                now = time.monotonic()
                if self._heard is None or now - self._heard > self._pace.patience:
                    remedy = "the same command goes on with the jobs that were submitted"
                    raise Unavailable(f"cannot be reached: {error}", remedy) from None
                self._deadline.pause(self._pace.again, str(error))

    def _once(self, function: Callable[..., Any], *args: Any) -> Any:
        """Make a request, and translate how it fails."""
        try:
            found = self._deadline.within(function, *args, why="AI Hub has not answered")
        except Exception as error:  # noqa: BLE001 - translated, or raised as it is
            meant = self._translated(error)
            if isinstance(meant, BusyError | RefusedError):
                self._heard = time.monotonic()
            raise meant from None
        self._heard = time.monotonic()
        return found

    def _translated(self, error: Exception) -> Exception:
        """Return what an error of the client means.

        Its own classes do not tell 401 from 404; the status is in what they were made of.
        """
        chain: list[BaseException] = [error]
        while (before := chain[-1].__cause__ or chain[-1].__context__) is not None:
            chain.append(before)
        status = next(
            (e.status_code for e in chain if isinstance(e, APIException) and e.status_code), 0
        )
        said = self._clean(_line(error))
        if status == 401:
            return Unavailable("AI Hub does not accept the token", HOW_TO_GET_IN)
        if status == 426:
            return Unavailable(f"AI Hub: {said}", "pip install --upgrade qai-hub")
        if status == 429 or _too_many(chain):
            return BusyError(f"AI Hub: {said}")
        if 400 <= status < 500:
            return RefusedError(f"AI Hub: {said}")
        if status >= 500 or any(type(e).__module__.split(".")[0] in _WIRE for e in chain):
            return LostError(f"AI Hub: {said}")
        if type(error).__module__.startswith("qai_hub.") or said.startswith("Failed to "):
            return RefusedError(f"AI Hub: {said}")
        return error

    def _clean(self, text: str) -> str:
        """Return text in one line, without the token."""
        return str(self.without_token(" ".join(text.split())))


def _post_job(config: Any, job: Any, project: str | None) -> Any:
    """Submit a job: the client's request, without its repetitions."""
    path = ("projects", project, "jobs") if project else ("jobs",)
    kind = job.WhichOneof("job")
    with create_session(internal_retries=False, client_mode=config.client_mode) as session:
        response = session.post(
            api_utils.api_url(config, *path),
            data=job.SerializeToString(),
            headers=api_utils.auth_header(config),
            params={"seed_target_model": "true"} if kind == "compile_job" else {},
        )
    return api_utils.response_as_protobuf(response, pb.CreateUpdateResponse)


def _too_many(chain: list[BaseException]) -> bool:
    """Say whether the client gave up on a request that AI Hub turned away for haste."""
    return any("too many 429 error responses" in str(error) for error in chain)


def _line(error: BaseException) -> str:
    """Return what the client says, without the box it draws around it."""
    return " ".join(re.sub(r"[┌┐└┘─│|]", " ", str(error)).split()) or type(error).__name__
