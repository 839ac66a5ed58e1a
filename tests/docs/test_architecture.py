"""The tree that ARCHITECTURE.md draws is the real one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "runtimes/src/dvm_runtimes"
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
OPEN = ("engines", "platforms")
"""Folders whose own folders are drawn too."""


def drawn() -> Iterator[str]:
    """Every path of the tree on the page, as ``engines/http/``."""
    (tree,) = re.findall(r"^```tree\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    room = ""
    for line in tree.splitlines():
        names = re.match(r" *((?:[\w.]+(?:/|\.py)(?: {1,2}|$))+)", line)
        assert names, line
        inner = line.startswith(" ")
        if not inner:
            room = names[1].strip()
        yield from (f"{room if inner else ''}{name}" for name in names[1].split())


def real() -> Iterator[str]:
    """The modules and folders of the package, and those of the folders that are drawn open."""
    for folder, above in ((PACKAGE, ""), *((PACKAGE / name, f"{name}/") for name in OPEN)):
        for path in folder.iterdir():
            if path.is_dir() and (path / "__init__.py").exists():
                yield f"{above}{path.name}/"
            elif path.suffix == ".py" and path.name != "__init__.py" and above != "engines/":
                yield f"{above}{path.name}"


def test_the_tree_is_the_real_one() -> None:
    assert sorted(drawn()) == sorted(real())


def test_it_fits_one_screen() -> None:
    lines = PAGE.splitlines()
    assert len(lines) <= 90
    assert max(map(len, lines)) <= 125


def test_few_modules_stand_at_the_top() -> None:
    assert len([path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]) <= 10
