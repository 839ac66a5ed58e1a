"""Commands whose arguments end in somebody else's command line, word for word."""

from __future__ import annotations

import click

SEPARATOR = "--"
_MARK = "\0--"
"""Stands for the first ``--`` while click reads the rest; no command line can hold it."""


class WordsAfterDashes(click.Command):
    """``COMMAND [NAME] [OPTIONS] -- WORDS...``: the words are given to the function as ``words``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words: list[str] = []
        if SEPARATOR in args:
            index = args.index(SEPARATOR)
            args, words = args[:index], args[index + 1 :]
        rest = super().parse_args(ctx, args)
        ctx.params["words"] = tuple(words)
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


class NameThenWords(click.Command):
    """``COMMAND [OPTIONS] [NAME] [OPTIONS] -- WORDS...`` or ``COMMAND [OPTIONS] NAME WORDS...``.

    The second form is what people type who know ``docker exec``: the first
    word that is no option begins the command, and from there on nothing is ours.
    """

    allow_interspersed_args = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if SEPARATOR in args:
            index = args.index(SEPARATOR)
            args = [*args[:index], _MARK, *args[index + 1 :]]
        name: str | None = None
        options, words = self._split(ctx, args)
        if words and words[0] != _MARK:
            name, *words = words
            if words and words[0].startswith("-"):
                # Options after the name; a command does not begin with a hyphen.
                options, words = self._split(ctx, [*options, *words])
        if words and words[0] == _MARK:
            words = words[1:]
        rest = super().parse_args(ctx, options)
        ctx.params["name"] = name
        ctx.params["words"] = tuple(SEPARATOR if word == _MARK else word for word in words)
        if not words and not ctx.resilient_parsing:
            raise click.UsageError("A command is needed, such as `-- sh -c 'make test'`.", ctx)
        return rest

    def _split(self, ctx: click.Context, args: list[str]) -> tuple[list[str], list[str]]:
        """The options at the beginning, and what follows the last of them."""
        _, rest, _ = self.make_parser(ctx).parse_args(args=list(args))
        return args[: len(args) - len(rest)], rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[NAME]", "--", "COMMAND..."]
