"""Which arguments are those of dvm and which are those of the command."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from dvm_runtimes.cli.trailing_argv import NameThenArgv, TrailingArgv


def parsed(command: click.Command, *arguments: str) -> dict[str, object]:
    context = command.make_context("test", list(arguments))
    return dict(context.params)


@click.command(cls=NameThenArgv)
@click.option("-e", "--env", multiple=True)
@click.option("--json", "as_json", is_flag=True)
def exec_like(**given: object) -> None:
    """As ``dvm exec``."""


@click.command(cls=TrailingArgv)
@click.argument("name", required=False)
@click.option("--image")
def up_like(**given: object) -> None:
    """As ``dvm up``."""


@pytest.mark.parametrize(
    ("arguments", "name", "argv"),
    [
        (["dev", "--", "ls", "-l"], "dev", ("ls", "-l")),
        (["dev", "ls", "-l"], "dev", ("ls", "-l")),
        (["--", "ls", "-l"], None, ("ls", "-l")),
        (["-e", "A=1", "dev", "--", "env"], "dev", ("env",)),
        (["dev", "-e", "A=1", "--", "env"], "dev", ("env",)),
        (["dev", "-e", "A=1", "env", "-0"], "dev", ("env", "-0")),
        (["dev", "--", "sh", "-c", "--", "x"], "dev", ("sh", "-c", "--", "x")),
        (["dev", "grep", "-q", "--", "-e"], "dev", ("grep", "-q", "--", "-e")),
        (["dev", "--", "--"], "dev", ("--",)),
        (["dev", "--", ""], "dev", ("",)),
        (["dev", "--", "a b", "$(c)", "\n", "é"], "dev", ("a b", "$(c)", "\n", "é")),
    ],
)
def test_exec_splits_name_options_and_command(arguments: list[str], name: str | None, argv: tuple[str, ...]) -> None:
    found = parsed(exec_like, *arguments)

    assert (found["name"], found["argv"]) == (name, argv)


def test_exec_takes_options_on_both_sides_of_the_name() -> None:
    found = parsed(exec_like, "-e", "A=1", "dev", "-e", "B=2", "--json", "--", "env", "--json")

    assert found == {"env": ("A=1", "B=2"), "as_json": True, "name": "dev", "argv": ("env", "--json")}


@pytest.mark.parametrize("arguments", [[], ["dev"], ["dev", "--"], ["--"]])
def test_exec_without_a_command_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(click.UsageError, match="A command is required"):
        parsed(exec_like, *arguments)


def test_exec_refuses_an_unknown_option_before_the_command() -> None:
    with pytest.raises(click.NoSuchOption):
        parsed(exec_like, "dev", "--nonsense", "--", "ls")


@pytest.mark.parametrize(
    ("arguments", "name", "argv"),
    [
        (["dev", "--image", "i"], "dev", ()),
        (["--image", "i", "--", "sleep", "5"], None, ("sleep", "5")),
        (["dev", "--image", "i", "--", "sh", "--", "x"], "dev", ("sh", "--", "x")),
    ],
)
def test_up_takes_the_argv_after_the_dashes(arguments: list[str], name: str | None, argv: tuple[str, ...]) -> None:
    found = parsed(up_like, *arguments)

    assert (found["name"], found["argv"], found["image"]) == (name, argv, "i")


def test_the_usage_line_shows_where_the_command_goes() -> None:
    assert "[OPTIONS] [NAME] -- COMMAND..." in CliRunner().invoke(exec_like, ["--help"]).output
    assert "[NAME] [-- COMMAND...]" in CliRunner().invoke(up_like, ["--help"]).output
