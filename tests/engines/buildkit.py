"""BuildKit for the containerd engine: built once from Go modules, and kept in the user's cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

from . import CACHE

VERSION = "v0.25.2"
LIMIT = 1500.0
"""Seconds for one step of building it; all of it takes under three minutes on two idle cores."""

PROGRAMS = ("buildkitd", "buildctl")
_being_built = threading.Lock()
_MODULE = "github.com/moby/buildkit"


def folder() -> Path:
    """Where the programs are, or will be."""
    return CACHE / f"buildkit-{VERSION}"


def why_not() -> str:
    """The reason why it can't be used; empty when it can."""
    if all((folder() / name).exists() for name in PROGRAMS):
        return ""
    if shutil.which("go") is None:
        return "BuildKit is not built, and there is no Go to build it with (Debian: golang)"
    return f"no BuildKit at {folder()}; `make test` builds it there"


def make() -> None:
    """Build it, unless it is there. Its absence afterwards is `why_not`'s to tell."""
    with _being_built:
        if why_not() and shutil.which("go"):
            _make()


def _make() -> None:
    print(f"building BuildKit {VERSION} in {folder()} (once)", flush=True)
    folder().parent.mkdir(parents=True, exist_ok=True)
    making = folder().with_name(f"{folder().name}.{os.getpid()}")
    making.mkdir()
    log = folder().with_name(f"{folder().name}.log")
    try:
        with log.open("wb") as output:
            _build(making, output.fileno())
        for path in making.iterdir():
            if path.name not in PROGRAMS:
                path.unlink()
        # Only a whole one gets the name; where two runs make it at once, the second finds it taken.
        if not folder().exists():
            making.rename(folder())
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"no BuildKit: {error}:\n{log.read_text(errors='replace')[-1000:]}", flush=True)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _build(place: Path, log: int) -> None:
    """A module of our own around it: `go install` refuses a module that has exclude directives."""

    def go(*words: str) -> None:
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
        subprocess.run(["go", *words], cwd=place, env=environment, stdout=log, stderr=log, timeout=LIMIT, check=True)

    (place / "go.mod").write_text("module dvm.test/buildkit\n\ngo 1.24.0\n")
    imports = "\n".join(f'import _ "{_MODULE}/cmd/{name}"' for name in PROGRAMS)
    (place / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\n{imports}\n")
    go("mod", "edit", f"-require={_MODULE}@{VERSION}")
    go("mod", "download", f"{_MODULE}@{VERSION}")
    found = subprocess.run(
        ["go", "list", "-m", "-f", "{{.GoMod}}", _MODULE], cwd=place, capture_output=True, text=True, check=True
    )
    described = subprocess.run(
        ["go", "mod", "edit", "-json", found.stdout.strip()], cwd=place, capture_output=True, text=True, check=True
    )
    excluded = json.loads(described.stdout).get("Exclude") or []
    go("mod", "edit", "-go=1.24.0", *(f"-exclude={one['Path']}@{one['Version']}" for one in excluded))
    go("mod", "tidy")
    for name in PROGRAMS:
        go("build", "-trimpath", "-ldflags", "-s -w", "-o", name, f"{_MODULE}/cmd/{name}")
