"""Which kinds of engine the conformance suite is run on: all, or those of ``--engines``.

A module of the suite names its kind in ``KIND``; one whose file is named on the command line is run, and so is every
test that is of no kind.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .registry import every_kind

_LONG = Path(__file__).parents[1] / "vscode"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engines",
        default="all",
        metavar="NAME[,NAME...]",
        help="the kinds of engine that the conformance suite is run on besides the mock; default: %(default)s",
    )


def selected(config: pytest.Config) -> set[str]:
    """The kinds that the conformance suite is run on.

    Raises:
        pytest.UsageError: there is no kind of such a name.
    """
    asked: str = config.getoption("--engines")
    kinds = set(every_kind())
    names = kinds if asked == "all" else set(asked.split(","))
    if unknown := names - kinds:
        raise pytest.UsageError(f"--engines: no kind {sorted(unknown)}; there are {sorted(kinds)}")
    return names


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = {"", *selected(config)}
    named = {(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args}
    left_out = [item for item in items if kind_of(item) not in wanted and item.path.resolve() not in named]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]
    # What takes minutes goes first: at the end, one worker would have it alone.
    items.sort(key=lambda item: not item.path.is_relative_to(_LONG))


def kind_of(item: pytest.Item) -> str:
    """The kind of engine that a test of the conformance suite is about; empty for any other test."""
    return str(getattr(getattr(item, "module", None), "KIND", ""))
