"""``.dockerignore`` leaves out what Docker leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from dvm_runtimes.builds.dockerignore import Ignore


@pytest.mark.parametrize(
    ("rules", "path", "ignored"),
    [
        ("", "a", False),
        ("# a\n\n  \n", "a", False),
        ("a", "a", True),
        ("a", "b/a", False),
        ("a", "a/b/c", True),
        ("/a", "a", True),
        ("./a", "a", True),
        ("a/", "a/b", True),
        ("  a  ", "a", True),
        ("a/../b", "b", True),
        ("*", "a/b", True),
        ("*.log", "x.log", True),
        ("*.log", "d/x.log", False),
        ("*/*.log", "d/x.log", True),
        ("**/*.log", "x.log", True),
        ("**/*.log", "d/e/x.log", True),
        ("d/**", "d/e/x", True),
        ("d/**/x", "d/x", True),
        ("d/**/x", "d/e/f/x", True),
        ("**", "anything/at/all", True),
        ("?", "a", True),
        ("?", "ab", False),
        ("?", "/", False),
        ("[ab]", "a", True),
        ("[^ab]", "a", False),
        ("[a-c]x", "bx", True),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("a.b", "axb", False),
        ("a+(b)", "a+(b)", True),
        ("*\n!keep", "keep", False),
        ("*\n!keep", "keep/inside", False),
        ("d\n!d/keep", "d/keep", False),
        ("d\n!d/keep", "d/other", True),
        ("!a\na", "a", True),
        ("a\n!a\na", "a", True),
        ("!", "a", False),
        (".", "a", False),
        ("with blank", "with blank", True),
        ("a\r\nb\r\n", "b", True),
    ],
)
def test_the_last_rule_that_matches_decides(rules: str, path: str, ignored: bool) -> None:
    assert Ignore(rules.splitlines()).leaves_out(path) is ignored


def test_a_folder_without_the_file_ignores_nothing(tmp_path: Path) -> None:
    assert not Ignore.of(tmp_path / ".dockerignore").leaves_out("a")
    (tmp_path / ".dockerignore").write_text("\ufeffa\n")
    assert Ignore.of(tmp_path / ".dockerignore").leaves_out("a")
    assert not Ignore.of(tmp_path / ".dockerignore").has_exceptions
    assert Ignore(["a", "!b"]).has_exceptions
