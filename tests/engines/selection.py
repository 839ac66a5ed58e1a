"""What is run: the share of each kind of engine, as `make test` has it; or everything, as `make test-all` has it.

A test that is marked ``long`` is a part of everything alone, unless the command line names its file or folder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .registry import every_kind

ALL = "all"
_VSCODE = Path(__file__).parents[1] / "vscode"
SUITE = "tests/conformance/test_engines.py::"
"""How the IDs of the conformance suite's tests on engines begin."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engines",
        default="",
        metavar="NAME[,NAME...]",
        help="the kinds of engine that all of the conformance suite is run on, besides the mock; 'all' for every kind, "
        "and for the tests marked 'long'; default: on each kind the share that its file says",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long(why): what only `--engines all` runs, or naming its file or folder")
    if unknown := set(asked(config)) - {ALL, *every_kind()}:
        raise pytest.UsageError(f"--engines: no kind {sorted(unknown)}; there are {list(every_kind())}")


def asked(config: pytest.Config) -> list[str]:
    """The names that ``--engines`` gives."""
    option: str = config.getoption("--engines")
    return option.split(",") if option else []


def kinds_for(config: pytest.Config, part: str) -> list[str]:
    """The kinds of engine that a part of the conformance suite is run on, as in ``"TestExec"``."""
    names = asked(config)
    if names:
        return [name for name in every_kind() if name in names or ALL in names]
    return [name for name, kind in every_kind().items() if part in kind.suite.parts or not kind.suite.parts]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # What takes minutes goes first: at the end, one worker would have it alone.
    items.sort(key=lambda item: not item.path.is_relative_to(_VSCODE))
    if ALL in asked(config):
        return
    named = {(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args}
    for item in items:
        chosen = named & {item.path.resolve(), item.path.parent.resolve()}
        if (mark := item.get_closest_marker("long")) and not chosen:
            item.add_marker(pytest.mark.skip(reason=f"`make test-all` runs it: {mark.args[0]}"))
