"""Commands that end in the command line of another program, which is passed on unchanged."""

from __future__ import annotations

import click

SEPARATOR = "--"
_MARK = "\0--"
"""Stands for the first ``--`` while click reads the rest; no command line can hold it."""


class TrailingArgv(click.Command):
    """``COMMAND [NAME] [OPTIONS] -- ARGV...``: the function gets what follows ``--`` as ``argv``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        argv: list[str] = []
        if SEPARATOR in args:
            index = args.index(SEPARATOR)
            args, argv = args[:index], args[index + 1 :]
        rest = super().parse_args(ctx, args)
        ctx.params["argv"] = tuple(argv)
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


class NameThenArgv(click.Command):
    """``COMMAND [OPTIONS] [NAME] [OPTIONS] -- ARGV...`` or ``COMMAND [OPTIONS] NAME ARGV...``.

    The second form is that of ``docker exec``: the command begins at the
    first argument after NAME that is not an option.
    """

    allow_interspersed_args = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if SEPARATOR in args:
            index = args.index(SEPARATOR)
            args = [*args[:index], _MARK, *args[index + 1 :]]
        name: str | None = None
        options, argv = self._split(ctx, args)
        if argv and argv[0] != _MARK:
            name, *argv = argv
            if argv and argv[0].startswith("-"):
                # Options after the name; a command does not begin with a hyphen.
                options, argv = self._split(ctx, [*options, *argv])
        if argv and argv[0] == _MARK:
            argv = argv[1:]
        rest = super().parse_args(ctx, options)
        ctx.params["name"] = name
        ctx.params["argv"] = tuple(SEPARATOR if argument == _MARK else argument for argument in argv)
        if not argv and not ctx.resilient_parsing:
            raise click.UsageError("A command is required, such as `-- sh -c 'make test'`.", ctx)
        return rest

    def _split(self, ctx: click.Context, args: list[str]) -> tuple[list[str], list[str]]:
        """The options at the beginning, and what follows the last of them."""
        _, rest, _ = self.make_parser(ctx).parse_args(args=list(args))
        return args[: len(args) - len(rest)], rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[NAME]", "--", "COMMAND..."]
