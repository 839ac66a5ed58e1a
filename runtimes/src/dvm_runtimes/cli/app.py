"""The root command: the list of sub-commands, and the handling of their errors."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from dvm_runtimes import __version__

from .common_options import json_option, runtime_option
from .invocation import Invocation

SECTIONS = {
    "Workspaces": {
        "up": "Create and start a workspace",
        "ls": "List workspaces",
        "status": "Show a workspace",
        "start": "Start stopped workspaces",
        "stop": "Stop workspaces",
        "restart": "Restart workspaces",
        "rm": "Remove workspaces",
    },
    "In a workspace": {
        "exec": "Run a command in a workspace",
        "attach": "Open a shell in a workspace",
        "logs": "Show the output of a workspace",
        "cp": "Copy files between a workspace and this machine",
    },
    "Images and engines": {
        "build": "Build an image",
        "platforms": "List the container platforms of this machine",
        "doctor": "Check the engines and the configuration",
        "context": "Show or set the active workspace",
        "gc": "Remove expired and abandoned workspaces",
    },
}
"""Sub-commands with their short help, which needs none of their modules."""

_WIDTH = max(len(name) for commands in SECTIONS.values() for name in commands)


class CommandGroup(click.Group):
    """A group that records which of its sub-commands runs, for the errors of that one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        found = super().resolve_command(ctx, args)
        ctx.ensure_object(Invocation).command = found[1]
        return found


class Dvm(CommandGroup):
    """The root command. Sub-commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for commands in SECTIONS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f".commands.{cmd_name}", __package__)
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-"):
            import difflib

            close = difflib.get_close_matches(name, self.list_commands(ctx), 1)
            maybe = f" Did you mean '{close[0]}'?" if close else ""
            raise click.UsageError(f"There is no command '{name}'.{maybe}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                # One width for all sections.
                formatter.write_dl([(name.ljust(_WIDTH), what) for name, what in commands.items()])

    def main(self, args: Sequence[str] | None = None, *positional: Any, **extra: Any) -> Any:
        """Run the command and end the process with its exit code."""
        given = list(sys.argv[1:] if args is None else args)
        invocation = Invocation(json=_asks_for_json(given), typed=tuple(given))
        extra["standalone_mode"] = False
        sys.exit(self._run(given, positional, extra, invocation))

    def _run(self, given: list[str], positional: tuple[Any, ...], extra: dict[str, Any], invocation: Invocation) -> int:
        from .error_report import interrupted, report
        from .exit_codes import CLOSED_PIPE
        from .standard_streams import silence_stdout

        try:
            code = super().main(given, *positional, obj=invocation, **extra)
            sys.stdout.flush()
        except (click.Abort, KeyboardInterrupt):
            return interrupted(invocation)
        except (BrokenPipeError, ClosedPipeError):
            silence_stdout()
            return CLOSED_PIPE
        except Exception as error:
            if os.environ.get("DVM_DEBUG") and not isinstance(error, click.ClickException):
                raise
            return report(error, invocation)
        return code if isinstance(code, int) else 0

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click itself would end the process with exit code 1.
            raise ClosedPipeError from error


class ClosedPipeError(Exception):
    """The reader of standard output closed the pipe."""


def _asks_for_json(arguments: list[str]) -> bool:
    """Whether ``--json`` is among the arguments, which may be invalid otherwise: usage errors are JSON too."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


@click.command(
    cls=Dvm,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="dvm %(version)s")
@runtime_option
@json_option
@click.pass_context
def app(ctx: click.Context, runtime: str | None) -> None:
    """Container workspaces on Docker, OrbStack, Colima, Podman and containerd.

    Start with `dvm doctor`, then `dvm up --image debian:12`.
    """
    if runtime is not None:
        # The default of every sub-command's own --runtime.
        ctx.default_map = {name: {"runtime": runtime} for commands in SECTIONS.values() for name in commands}
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
