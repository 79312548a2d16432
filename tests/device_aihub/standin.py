"""A stand-in of Qualcomm AI Hub on the loopback interface, for its real client.

It speaks the service's protocol with the client's own messages, keeps what is uploaded, and really
runs it: ``torch.export`` programs by torch, ONNX by onnxruntime. The times it reports are those of
these runs, in whole microseconds as the service gives them. How jobs fare, and which answers are
lost, is for the test to say.
"""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import h5py
from qai_hub import public_api_pb2 as pb
from qai_hub.util.dataset_entries_converters import dataset_entries_to_h5, h5_to_dataset_entries

TOKEN = "s3cret-token-0123456789"
S24 = pb.Device(
    name="Samsung Galaxy S24 (Family)",
    os="14",
    attributes=["chipset:qualcomm-snapdragon-8gen3", "framework:qnn", "os:android"],
    soc_description="SM8650",
)
S23 = pb.Device(
    name="Samsung Galaxy S23 (Family)",
    os="13",
    attributes=["chipset:qualcomm-snapdragon-8gen2", "framework:qnn", "os:android"],
    soc_description="SM8550",
)
WAITING = (pb.JOB_STATE_CREATED, pb.JOB_STATE_PROVISIONING_DEVICE)
PART_BYTES = 1 << 20


@dataclass
class Fault:
    """What goes wrong with requests ``METHOD /path`` that match.

    Attributes:
        times: how often, before all is well again.
        status: what is answered; None closes the connection without a word.
        after: whether the request is carried out first.
        hold: nothing is answered before it is set.
        body: text of the answer.
    """

    pattern: str
    times: int = 1
    status: int | None = 502
    after: bool = False
    hold: threading.Event | None = None
    body: str = ""


@dataclass
class Fate:
    """How a job fares: the states it is seen in, and then done, or failed.

    Attributes:
        device: where it runs, if not on the device that was asked for.
    """

    states: Sequence[int] = ()
    failure: int = 0
    reason: str = ""
    device: pb.Device | None = None


@dataclass
class Stored:
    message: Any
    data: bytes = b""


@dataclass
class Made:
    """A job: its message, what is still to be seen of it, and its result."""

    message: pb.Job
    fate: Fate
    states: list[int]
    result: pb.JobResult | None = None


class StandIn:
    """The service: ``with StandIn() as hub``."""

    def __init__(self) -> None:
        self.devices = [S24, S23]
        self.frameworks = {"QAIRT": "2.51.0.260101", "ONNX Runtime": "1.24.1"}
        self.faults: list[Fault] = []
        self.fates: dict[str, list[Fate]] = {"compile": [], "inference": []}
        self.usual: Sequence[int] = WAITING
        self.hidden = 0  # look-ups that do not show the newest job yet
        self.crowd = 0  # other people's jobs that are newer
        self.target_names: list[str] | None = None
        self.requests: list[str] = []
        self.jobs: dict[str, Made] = {}
        self.models: dict[str, Stored] = {}
        self.datasets: dict[str, Stored] = {}
        self._ids = count(1)
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def configure(self, path: Path, *, token: str = TOKEN) -> Path:
        """Write the client's configuration."""
        path.write_text(
            f"[api]\napi_token = {token}\napi_url = {self.url}\nweb_url = {self.url}\n"
        )
        return path

    def submitted(self, kind: str) -> list[str]:
        """Return ids of the jobs of a kind."""
        return [
            i for i, made in self.jobs.items() if made.message.WhichOneof("job") == f"{kind}_job"
        ]

    def polls(self, id_: str) -> int:
        """Return how often a job was looked at."""
        return self.requests.count(f"GET /api/v1/jobs/{id_}/")

    # --- what the protocol asks for --------------------------------------------------------

    def answer(
        self, method: str, path: str, query: Mapping[str, list[str]], body: bytes
    ) -> tuple[Any, dict[str, str]]:
        """Carry out a request; the message or bytes to answer with, and headers."""
        for verb, pattern, function in self._routes():
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                with self._lock:
                    return function(*found.groups(), query=query, body=body), {}
        if method == "PUT" and (found := re.fullmatch("/blob/models/([^/]+)/(\\d+)", path)):
            with self._lock:
                self.models[found[1]].data += body
            return b"", {"ETag": f"part-{found[2]}"}
        raise LookupError(path)

    def _routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        return [
            ("GET", "/api/v1/devices/", self._devices),
            ("GET", "/api/v1/frameworks/", self._frameworks),
            ("POST", "/api/v1/models/", self._new_model),
            ("GET", "/api/v1/models/([^/]+)/multipart_upload/", self._model_urls),
            ("POST", "/api/v1/models/([^/]+)/multipart_upload/", self._model_complete),
            ("GET", "/api/v1/models/([^/]+)/download/", self._model_download),
            ("GET", "/blob/models/([^/]+)", self._model_blob),
            ("POST", "/api/v1/datasets/", self._new_dataset),
            ("GET", "/api/v1/datasets/([^/]+)/upload_url/", self._dataset_url),
            ("POST", "/blob/datasets/([^/]+)", self._dataset_post),
            ("PATCH", "/api/v1/datasets/([^/]+)/", self._dataset_complete),
            ("GET", "/api/v1/datasets/([^/]+)/", self._dataset),
            ("GET", "/api/v1/datasets/([^/]+)/download_data/", self._dataset_download),
            ("GET", "/blob/datasets/([^/]+)", self._dataset_blob),
            ("POST", "/api/v1/jobs/", self._new_job),
            ("GET", "/api/v1/jobs/([^/]+)/", self._job),
            ("GET", "/api/v1/jobs/([^/]+)/result/", self._result),
            ("GET", "/api/v1/job_summaries/", self._summaries),
        ]

    def _devices(self, *, query: Mapping[str, list[str]], **_: Any) -> pb.DeviceList:
        name, attributes = query.get("name", [""])[0], query.get("attributes", [])
        found = [
            device
            for device in self.devices
            if name in ("", device.name) and set(attributes) <= set(device.attributes)
        ]
        if query.get("select") == ["True"]:
            found = found[:1]
        return pb.DeviceList(devices=found, total_query_count=len(found))

    def _frameworks(self, **_: Any) -> pb.FrameworkList:
        frameworks = [
            pb.Framework(name=n, api_version=v[:4], api_tags=["default"], full_version=v)
            for n, v in self.frameworks.items()
        ]
        frameworks.append(pb.Framework(name="QAIRT", api_tags=["old"], full_version="2.20.0"))
        return pb.FrameworkList(frameworks=frameworks)

    def _new_model(self, *, body: bytes, **_: Any) -> pb.CreateUpdateResponse:
        id_ = f"m{next(self._ids)}"
        self.models[id_] = Stored(pb.Model.FromString(body))
        self.models[id_].message.model_id = id_
        return pb.CreateUpdateResponse(id=id_)

    def _model_urls(self, id_: str, *, query: Mapping[str, list[str]], **_: Any) -> Any:
        parts = -(-int(query["file_size"][0]) // PART_BYTES)
        urls = [f"{self.url}/blob/models/{id_}/{i}" for i in range(parts)]
        return pb.FileUploadResponse(
            multipart_url=pb.FileMultipartUploadURL(
                urls=urls, upload_id=f"u-{id_}", max_part_size=PART_BYTES
            )
        )

    def _model_complete(self, id_: str, *, body: bytes, **_: Any) -> pb.CreateUpdateResponse:
        etags = pb.FileMultipartUploadComplete.FromString(body).etags
        assert list(etags) == [f"part-{i}" for i in range(len(etags))]
        return pb.CreateUpdateResponse(id=id_)

    def _model_download(self, id_: str, **_: Any) -> pb.FileDownloadResponse:
        url = f"{self.url}/blob/models/{id_}"
        return pb.FileDownloadResponse(url=pb.FileDownloadURL(url=url, filename="model.dlc"))

    def _model_blob(self, id_: str, **_: Any) -> bytes:
        return self.models[id_].data

    def _new_dataset(self, *, body: bytes, **_: Any) -> pb.CreateUpdateResponse:
        return pb.CreateUpdateResponse(id=self._keep_dataset(pb.Dataset.FromString(body), b""))

    def _keep_dataset(self, message: pb.Dataset, data: bytes) -> str:
        message.dataset_id = f"d{next(self._ids)}"
        message.expiration_time.FromSeconds(int(time.time()) + 30 * 86400)
        self.datasets[message.dataset_id] = Stored(message, data)
        return message.dataset_id

    def _dataset_url(self, id_: str, **_: Any) -> pb.FileUploadResponse:
        url = f"{self.url}/blob/datasets/{id_}"
        return pb.FileUploadResponse(url=pb.FileUploadURL(url=url, file_field_name="file"))

    def _dataset_post(self, id_: str, *, body: bytes, **_: Any) -> bytes:
        boundary, _, rest = body.partition(b"\r\n")
        self.datasets[id_].data = rest.partition(b"\r\n\r\n")[2].rpartition(b"\r\n" + boundary)[0]
        return b""

    def _dataset_complete(self, id_: str, **_: Any) -> pb.CreateUpdateResponse:
        return pb.CreateUpdateResponse(id=id_)

    def _dataset(self, id_: str, **_: Any) -> pb.Dataset:
        return self.datasets[id_].message

    def _dataset_download(self, id_: str, **_: Any) -> pb.FileDownloadResponse:
        url = f"{self.url}/blob/datasets/{id_}"
        return pb.FileDownloadResponse(url=pb.FileDownloadURL(url=url, filename="data.h5"))

    def _dataset_blob(self, id_: str, **_: Any) -> bytes:
        return self.datasets[id_].data

    # --- jobs ------------------------------------------------------------------------------

    def _new_job(self, *, body: bytes, **_: Any) -> pb.CreateUpdateResponse:
        id_, job = f"j{next(self._ids)}", pb.Job.FromString(body)
        kind = job.WhichOneof("job").removesuffix("_job")
        part = getattr(job, f"{kind}_job")
        fate = self.fates[kind].pop(0) if self.fates[kind] else Fate(self.usual)
        setattr(part, f"{kind}_job_id", id_)
        job.hub_version = "stand-in"
        part.creation_time.FromNanoseconds(time.time_ns())
        part.job_state = pb.JOB_STATE_CREATED
        chosen = fate.device or (part.devices.devices[0] if kind == "compile" else part.device)
        known = [d for d in self.devices if d.name == chosen.name]
        part.device.CopyFrom(known[0] if known else chosen)
        self.jobs[id_] = Made(job, fate, list(fate.states))
        return pb.CreateUpdateResponse(id=id_)

    def _job(self, id_: str, **_: Any) -> pb.Job:
        made = self.jobs[id_]
        part = getattr(made.message, made.message.WhichOneof("job"))
        if made.states:
            part.job_state = made.states.pop(0)
        elif made.fate.failure:
            part.job_state = pb.JOB_STATE_FAILED
            part.failure_reason = made.fate.reason
            made.message.failure_type = made.fate.failure
        elif made.result is None:
            part.start_time.FromNanoseconds(time.time_ns())
            self._carry_out(made)
            part.completion_time.FromNanoseconds(time.time_ns())
            part.job_state = pb.JOB_STATE_DONE
        return made.message

    def _result(self, id_: str, **_: Any) -> pb.JobResult:
        result = self.jobs[id_].result
        if result is None:
            raise LookupError(id_)
        return result

    def _carry_out(self, made: Made) -> None:
        if made.message.WhichOneof("job") == "compile_job":
            part = made.message.compile_job
            source = self.models[part.model.model_id]
            id_ = f"m{next(self._ids)}"
            self.models[id_] = Stored(pb.Model(model_id=id_), source.data)
            part.target_model.model_id = id_
            part.target_tensor_type_list.CopyFrom(part.tensor_type_list)
            for name, kept in zip(
                self.target_names or [], part.target_tensor_type_list.types, strict=False
            ):
                kept.name = name
            tools = [pb.ToolVersion(name=n, version=v) for n, v in self.frameworks.items()]
            detail = pb.CompileDetail(tool_versions=tools)
            made.result = pb.JobResult(
                compile_job_result=pb.CompileJobResult(compile_detail=detail)
            )
        else:
            made.result = self._run(made.message.inference_job)

    def _run(self, part: Any) -> pb.JobResult:
        data = self.models[part.model.model_id].data
        with h5py.File(io.BytesIO(self.datasets[part.dataset.dataset_id].data)) as file:
            inputs = [batches[0] for batches in h5_to_dataset_entries(file).values()]
        call, layers = _loaded(data)
        asked = re.search(r"--max_profiler_iterations (\d+)", part.options)
        samples = []
        for _ in range(int(asked[1]) if asked else 100):
            start = time.perf_counter_ns()
            outputs = call(inputs)
            samples.append(max(1, (time.perf_counter_ns() - start) // 1000))
        kept = io.BytesIO()
        with h5py.File(kept, "w") as file:
            entries = {f"output_{i}": [array] for i, array in enumerate(outputs)}
            dataset_entries_to_h5(entries, file)
        result = pb.InferenceJobResult(
            output_dataset_id=self._keep_dataset(pb.Dataset(), kept.getvalue()),
            detail=self._detail(samples, layers),
        )
        return pb.JobResult(inference_job_result=result)

    def _detail(self, samples: list[int], layers: list[str]) -> pb.ProfileDetail:
        detail = pb.ProfileDetail(
            major_version=1,
            minor_version=2,
            execution_time=min(samples),
            all_execution_times=samples,
            cold_load_time=90_000,
            all_cold_load_times=[90_000],
            warm_load_time=41_000,
            all_warm_load_times=[42_000, 41_000],
            tool_versions=[pb.ToolVersion(name=n, version=v) for n, v in self.frameworks.items()],
        )
        detail.execution_memory.peak.CopyFrom(pb.Range(lower=1_000_000, upper=3_000_000))
        detail.execution_memory.increase.CopyFrom(pb.Range(lower=0, upper=500_000))
        burst = pb.RuntimeConfigProperty(key="htp_performance_mode", value="burst")
        detail.runtime_config.add(name="QNN", properties=[burst])
        for name in layers:
            unit = pb.COMPUTE_UNIT_NPU if "conv" in name.lower() else pb.COMPUTE_UNIT_CPU
            detail.layer_details.add(
                name=name, layer_type_name=name, compute_unit=unit, execution_time=7
            )
        return detail

    def _summaries(self, *, query: Mapping[str, list[str]], **_: Any) -> pb.JobSummaryList:
        kind = query["type"][0]
        found = []
        for made in reversed(self.jobs.values()):
            if made.message.WhichOneof("job") != f"{kind}_job":
                continue
            part = getattr(made.message, f"{kind}_job")
            message = pb.JobSummary()
            summary = getattr(message, f"{kind}_job_summary")
            summary.job_id, summary.name = getattr(part, f"{kind}_job_id"), part.name
            summary.creation_time.CopyFrom(part.creation_time)
            found.append(message)
        if self.hidden:
            self.hidden -= 1
            found = found[1:]
        found = [self._other(kind) for _ in range(self.crowd)] + found
        first, most = int(query.get("offset", ["0"])[0]), int(query["limit"][0])
        return pb.JobSummaryList(job_summaries=found[first : first + most])

    def _other(self, kind: str) -> pb.JobSummary:
        """Return the summary of somebody else's job, made long ago by the service's clock."""
        message = pb.JobSummary()
        summary = getattr(message, f"{kind}_job_summary")
        summary.job_id, summary.name = "other", "other"
        summary.creation_time.FromSeconds(1)
        return message


def _loaded(data: bytes) -> tuple[Callable[[list[Any]], list[Any]], list[str]]:
    """Return what runs a model, and the kinds of its operators."""
    if data[:2] == b"PK":
        import torch

        program = torch.export.load(io.BytesIO(data))
        module = program.module()
        layers = [n.target.name() for n in program.graph.nodes if n.op == "call_function"]

        def run(inputs: list[Any]) -> list[Any]:
            with torch.no_grad():
                found = module(*(torch.from_numpy(array) for array in inputs))
            found = found if isinstance(found, tuple | list) else [found]
            return [value.numpy() for value in found]

        return run, layers
    import onnx
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    layers = [node.op_type for node in onnx.load_model_from_string(data).graph.node]
    return (
        lambda inputs: session.run(None, dict(zip(names, inputs, strict=True))),
        layers,
    )


def _handler(hub: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            url = urlsplit(self.path)
            body = self._body()
            line = f"{self.command} {url.path}"
            hub.requests.append(line)
            fault = next((f for f in hub.faults if f.times and re.search(f.pattern, line)), None)
            if fault is not None:
                fault.times -= 1
            if fault is None or fault.after:
                status, answer, headers = self._carried_out(url.path, parse_qs(url.query), body)
            if fault is not None:
                if fault.hold is not None:
                    fault.hold.wait(60)
                status, answer, headers = fault.status or 0, fault.body.encode(), {}
            if not status:
                self.close_connection = True
                return
            self._reply(status, answer, headers)

        def _carried_out(self, path: str, query: Any, body: bytes) -> tuple[int, Any, Any]:
            own = path.startswith("/blob/")
            if not own and self.headers.get("Authorization") != f"token {TOKEN}":
                return 401, b"", {}
            try:
                return (200, *hub.answer(self.command, path, query, body))
            except LookupError:
                return 404, b'{"detail": "not found"}', {}

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _reply(self, status: int, answer: Any, headers: Mapping[str, str]) -> None:
            raw = isinstance(answer, bytes)
            data = answer if raw else answer.SerializeToString()
            kind = "application/octet-stream" if raw else "application/x-protobuf"
            self.send_response(status)
            for name, value in {**headers, "Content-Type": kind}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = _serve

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
