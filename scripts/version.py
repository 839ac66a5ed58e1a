"""Prints the version that every file of the repository has, or writes another one into them.

python scripts/version.py           print it; fail when the files differ, or CHANGELOG.md has no section for it
python scripts/version.py 0.2.0     write it
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = r'^version = "(.+)"$'
REQUIREMENT = r'^    "dvm-runtimes==(.+)",$'
MODULE = r'^__version__ = "(.+)"$'
NODE = r'\A\{\n  "name": "dvm-workspaces",(?s:.)*?"version": "(.+)",$'
HOLDERS = (
    ("pyproject.toml", PROJECT),
    ("runtimes/pyproject.toml", PROJECT),
    ("runtimes/src/dvm_runtimes/__init__.py", MODULE),
    ("server/pyproject.toml", PROJECT),
    ("server/pyproject.toml", REQUIREMENT),
    ("server/src/dvm_server/__init__.py", MODULE),
    ("pytest_dvm/pyproject.toml", PROJECT),
    ("pytest_dvm/pyproject.toml", REQUIREMENT),
    ("pytest_dvm/src/pytest_dvm/__init__.py", MODULE),
    ("vscode-extension/package.json", NODE),
    ("vscode-extension/package-lock.json", NODE),
    ("vscode-extension/package-lock.json", r'^    "": \{\n      "name": "dvm-workspaces",\n      "version": "(.+)",$'),
)
CHANGELOGS = ("CHANGELOG.md", "vscode-extension/CHANGELOG.md")


def held(path: str, pattern: str) -> re.Match[str]:
    """Where the file has the version."""
    match = re.search(pattern, (ROOT / path).read_text(), re.MULTILINE)
    if match is None:
        sys.exit(f"version: {path} has no line like {pattern}")
    return match


def write(version: str) -> None:
    """Put the version into every file."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        sys.exit(f"version: {version!r} is not a version such as 0.2.0")
    for path, pattern in HOLDERS:
        match = held(path, pattern)
        text = match.string
        (ROOT / path).write_text(text[: match.start(1)] + version + text[match.end(1) :])


def check() -> str:
    """The version; the program ends with an error when the files do not agree."""
    found = {f"{path}: {held(path, pattern)[1]}": held(path, pattern)[1] for path, pattern in HOLDERS}
    if len(set(found.values())) != 1:
        sys.exit("version: the files differ; `make version VERSION=X.Y.Z` writes one into all\n" + "\n".join(found))
    version = next(iter(found.values()))
    for path in CHANGELOGS:
        if f"\n## {version}\n" not in (ROOT / path).read_text():
            sys.exit(f"version: {path} has no section '## {version}'; write what has changed")
    return version


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(sys.argv[1])
    else:
        print(check())
