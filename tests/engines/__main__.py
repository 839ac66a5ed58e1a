"""Makes this machine ready for the tests: ``python -m tests.engines`` installs what they need, where it may.

Names of kinds of engine, as in ``python -m tests.engines docker``, limit it to those.

What can't be had is no error here: the tests that need it are skipped with the
reason, or fail with it where ``DVM_TEST_ENGINES=required``.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from . import debian, programs
from .registry import every_kind


def main() -> None:
    kinds = every_kind().values()
    wanted = set(debian.missing(programs.PROGRAMS))
    if sys.platform == "linux":
        wanted.update(package for kind in kinds for package in kind.packages())
    _install(wanted)
    # Only the installed Emacs can tell what it lacks.
    _install(set(programs.missing_libraries().values()))
    # Each is one processor's work, and takes most of a minute.
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda kind: kind.why_not_here() or kind.prepare(), kinds))


def _install(wanted: set[str]) -> None:
    if not wanted:
        return
    words = " ".join(sorted(wanted))
    if not debian.may_install():
        print(f"not installed: {words}; only root on Debian's kind may. Some tests will be skipped.")
        return
    try:
        debian.install(sorted(wanted))
    except subprocess.CalledProcessError as error:
        print(f"not all of {words} could be installed: {error}", flush=True)


if __name__ == "__main__":
    main()
