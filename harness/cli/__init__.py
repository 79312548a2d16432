"""The command line: one file a verb, each imported when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from harness.errors import UsageError

__all__ = ["main"]

# verb → what it does; the verb's module is harness.cli.<verb> with its command as ``command``
VERBS = {
    "run": "Run a suite: do what is missing, write tables and board.",
    "plan": "Show what a run would do, and how long it would take.",
    "board": "Write a suite's board again, in any form.",
    "check": "Check that models keep to their family's interface.",
    "list": "List models, families, datasets, metrics, suites, devices or plugins.",
    "show": "Show all there is to know of a name.",
    "suite": "Check suite files; print their JSON Schema.",
    "data": "List, pull and verify datasets.",
    "weights": "List, pull and verify weights.",
    "metrics": "Check metrics against other implementations.",
    "import": "Bring published results in.",
    "store": "Look after what was run: info, verify, prune, merge, export.",
    "doctor": "Say what is wrong with this installation.",
}


class _Verbs(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = import_module(f"harness.cli.{cmd_name}_")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from the table above, so that ``--help`` imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from harness.errors import nearest

            raise UsageError(f"unknown command {args[0]!r}{nearest(args[0], VERBS)}") from error


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="harness", prog_name="harness")
def harness() -> None:
    r"""Run declarative suites on model plugins; publish leaderboards that can be trusted.

    \b
    harness list models              what there is
    harness run quick                evaluate it
    harness show NAME                what it is, and whether it is available here
    """


def main() -> None:
    """Run the program; bad input ends it with one line for each fault and code 2."""
    try:
        code = harness.main(standalone_mode=False)
    except UsageError as error:
        for line in error.lines:
            click.echo(f"harness: {line}", err=True)
        code = 2
    except click.UsageError as error:
        error.show()
        code = 2
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("harness: interrupted; run the same command again to go on", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
