"""What is seen while a suite runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

import click

if TYPE_CHECKING:
    from harness.api import Done
    from harness.suite import Suite

__all__ = ["JsonLines", "View", "progress"]

_BAD = ("error", "timeout", "crashed", "oom", "nonfinite", "invalid")


class View(Protocol):
    """Shows a run."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def event(self, event: Mapping[str, Any]) -> None:
        """Take one event."""

    def finished(self, done: Done) -> None:
        """Say what came out."""


def progress(suite: Suite, jobs: int, stream: IO[str]) -> View:
    """Return the view that suits where the output goes."""
    return Terminal(suite, jobs) if stream.isatty() else Lines(suite, jobs)


class JsonLines:
    """Every event as a line of JSON."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def event(self, event: Mapping[str, Any]) -> None:
        click.echo(json.dumps(event, ensure_ascii=False, default=str))

    def finished(self, done: Done) -> None:
        self.event(
            {
                "event": "end",
                "outcomes": done.outcomes,
                "exit_code": done.exit_code,
                "files": {k: str(v) for k, v in done.files.items()},
            }
        )


@dataclass(slots=True)
class Problem:
    """Nodes of one step of one row that ended alike, with the reason of the first."""

    entry: str
    step: str
    outcome: str
    reason: str
    count: int = 0

    @property
    def place(self) -> str:
        return f"{self.entry} · {self.step}"


class _Counting:
    """Counts what happened, per row."""

    def __init__(self, suite: Suite, jobs: int) -> None:
        self.suite, self.jobs = suite, jobs
        self.total = self.reused = self.ran = 0
        self.rows: dict[str, Counter[str]] = {e.label: Counter() for e in suite.entries}
        self.problems: dict[tuple[str, str, str], Problem] = {}
        self.start = time.monotonic()

    def take(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "plan":
            self.total = event["nodes"]
        elif event["event"] == "node":
            self.rows[event["entry"]][event["outcome"]] += 1
            if event["cached"]:
                self.reused += 1
            else:
                self.ran += 1
            if event["outcome"] in (*_BAD, "unavailable"):
                place = (event["entry"], event["step"], event["outcome"])
                # one thing that cannot be had here is one line, whatever waits for it
                lacking = event["outcome"] == "unavailable"
                alike = ("", event["reason"], event["outcome"]) if lacking else place
                self.problems.setdefault(alike, Problem(*place, event["reason"])).count += 1

    @property
    def ended(self) -> int:
        return sum(sum(c.values()) for c in self.rows.values())

    def left(self) -> str:
        """Estimate the time left from the pace of this run."""
        if not self.ran or self.ended >= self.total:
            return ""
        seconds = (time.monotonic() - self.start) / self.ran * (self.total - self.ended)
        return f"about {duration(seconds)} left"


class Lines:
    """Plain lines: each problem once, when it is first met, and the pace now and then."""

    def __init__(self, suite: Suite, jobs: int) -> None:
        self.counts = _Counting(suite, jobs)
        self._said = 0
        self._next = time.monotonic() + 10

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def event(self, event: Mapping[str, Any]) -> None:
        counts = self.counts
        if event["event"] == "warning":
            click.echo(f"warning: {event['text']}")
            return
        counts.take(event)
        for problem in list(counts.problems.values())[self._said :]:
            self._said += 1
            click.echo(f"{problem.outcome:>11}  {problem.place}: {problem.reason}")
        if event["event"] == "plan":
            click.echo(
                f"{counts.suite.name}: {counts.total:,} nodes, {event['reused']:,} reused, "
                f"{counts.jobs} at once"
            )
        elif time.monotonic() > self._next:
            self._next = time.monotonic() + 10
            click.echo(f"{counts.ended:>7,} of {counts.total:,} nodes  {counts.left()}")

    def finished(self, done: Done) -> None:
        say(done, self.counts)


class Terminal:
    """A live table, one line a row."""

    def __init__(self, suite: Suite, jobs: int) -> None:
        from rich.console import Console
        from rich.live import Live

        self.counts = _Counting(suite, jobs)
        self._console = Console()
        self._live = Live(
            console=self._console,
            refresh_per_second=8,
            get_renderable=self._table,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def event(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "warning":
            self._console.print(f"warning: {event['text']}", markup=False)
            return
        self.counts.take(event)

    def finished(self, done: Done) -> None:
        for problem in self.counts.problems.values():
            times = f" ({problem.count} nodes)" if problem.count > 1 else ""
            self._console.print(f"[red]{problem.outcome:>11}[/]", end="  ")
            self._console.print(
                f"{problem.place}: {problem.reason}{times}", markup=False, highlight=False
            )
        say(done, self.counts)

    def _table(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        counts = self.counts
        table = Table.grid(padding=(0, 2))
        share = max(1, counts.total // max(1, len(counts.rows)))
        for label, row in counts.rows.items():
            ended = sum(row.values())
            bad = sum(row[o] for o in _BAD)
            state = "unavailable" if row["unavailable"] and row["unavailable"] == ended else ""
            state = f"{bad} failed" if bad else state
            style = "red" if bad else "dim" if state else ""
            table.add_row(
                Text(label, style=style),
                ProgressBar(total=max(share, ended), completed=ended, width=28),
                Text(f"{ended:,}", justify="right"),
                Text(state, style=style),
            )
        table.add_row(
            Text("all", style="bold"),
            ProgressBar(total=max(1, counts.total), completed=counts.ended, width=28),
            Text(f"{counts.ended:,}/{counts.total:,}", justify="right"),
            Text(counts.left(), style="dim"),
        )
        return table


def say(done: Done, counts: _Counting) -> None:
    """Print the table of the board and where everything lies."""
    if not done.complete:
        click.echo(
            f"interrupted: {counts.ended:,} of {counts.total:,} nodes are done and kept; "
            "run the same command again to go on"
        )
        return
    for line in done.table:
        click.echo(line)
    seconds = time.monotonic() - counts.start
    told = ", ".join(f"{n:,} {o}" for o, n in sorted(done.outcomes.items(), key=lambda p: -p[1]))
    click.echo(f"\n{counts.total:,} nodes: {told}; {counts.reused:,} reused; {duration(seconds)}")
    for name, path in done.files.items():
        click.echo(f"{name:>12}  {path}")


def duration(seconds: float) -> str:
    """Write a duration as people do: ``40 s``, ``3 min``, ``2 h 10 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
