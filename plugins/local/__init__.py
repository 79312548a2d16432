"""Worker processes as an executor, the forms of a board, published numbers as a table."""

from __future__ import annotations

from harness import Executor, Exporter, Importer, hookimpl

__all__: list[str] = []


@hookimpl
def harness_executors() -> list[Executor]:
    return [
        Executor(
            name="process",
            factory="harness.run.process:ProcessExecutor",
            summary="worker processes on this machine, driven over pipes",
        )
    ]


@hookimpl
def harness_exporters() -> list[Exporter]:
    return [
        Exporter(
            name="html",
            suffix=".html",
            write="harness.board.html:render_html",
            summary="one self-contained page",
        ),
        Exporter(
            name="markdown",
            suffix=".md",
            write="harness.board.markdown:render_markdown",
            summary="a table for a README or a pull request",
        ),
        Exporter(
            name="junit",
            suffix=".xml",
            write="harness.board.junit:render_junit",
            summary="failures for a CI server",
        ),
    ]


@hookimpl
def harness_importers() -> list[Importer]:
    return [
        Importer(
            name="csv",
            read="harness_plugins.local.published_csv:read",
            summary="a table: model,dataset,metric,value, and unit, signature, source, …",
        )
    ]
