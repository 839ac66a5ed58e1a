"""What this machine's Emacs lacks is asked of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from .programs import EMACS_LIBRARIES, missing_libraries


@pytest.mark.parametrize(
    ("emacs", "missing"),
    [("#!/bin/sh\nexit 255\n", EMACS_LIBRARIES), ("#!/bin/sh\nexit 0\n", {}), (None, {})],
    ids=["before 29", "from 29 on", "none"],
)
def test_libraries_are_missing_where_emacs_does_not_find_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emacs: str | None, missing: dict[str, str]
) -> None:
    if emacs is not None:
        (tmp_path / "emacs").write_text(emacs, encoding="ascii")
        (tmp_path / "emacs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_libraries() == missing
