"""Makes this machine ready for the tests: ``python -m tests.engines`` installs what they need, where it may.

Names of kinds of engine, as in ``python -m tests.engines docker``, limit it to those.

What can't be had is no error here: the tests that need it are skipped with the
reason, or fail with it where ``DVM_TEST_ENGINES=required``.
"""

from __future__ import annotations

import subprocess
import sys

from . import debian
from .programs import PROGRAMS
from .registry import every_kind


def main() -> None:
    kinds = [kind for name, kind in every_kind().items() if name in (sys.argv[1:] or every_kind())]
    wanted = set(debian.missing(PROGRAMS))
    if sys.platform == "linux":
        wanted.update(package for kind in kinds for package in kind.packages())
    if wanted and debian.may_install():
        try:
            debian.install(sorted(wanted))
        except subprocess.CalledProcessError as error:
            print(f"not all of {' '.join(sorted(wanted))} could be installed: {error}", flush=True)
    elif wanted:
        print(f"not installed: {' '.join(sorted(wanted))}; only root on Debian's kind may. Some tests will be skipped.")
    for kind in kinds:
        if not kind.why_not_here():
            kind.prepare()


if __name__ == "__main__":
    main()
