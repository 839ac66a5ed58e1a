"""What the scripts that run where the engine is do around nerdctl, with a program of the tests' in its place."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dvm_runtimes.engines.nerdctl import scripts

LIMIT = 120.0

# Fails where another one is at work; what it does takes some time.
BUSY = """\
#!/bin/sh
mkdir "$0.busy" || exit 3
ls -R /usr/lib > /dev/null 2>&1
rmdir "$0.busy"
echo "$@"
"""

Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def container() -> str:
    return secrets.token_hex(32)


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Runs a script with its values on a nerdctl that `BUSY` is."""
    program = tmp_path / "nerdctl"
    program.write_text(BUSY)
    program.chmod(0o755)
    folder = tmp_path / "run"
    folder.mkdir()

    def run(script: str, *values: str, words: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-c", script, "dvm", *values, str(program), *words],
            env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


def locks(container: str, tmp_path: Path) -> list[Path]:
    return [path for folder in (Path("/run"), tmp_path / "run") for path in folder.glob(f"dvm-{container}*")]


def test_starts_and_renames_of_one_container_take_turns(begin: Begin, container: str, tmp_path: Path) -> None:
    running = [begin(scripts.START, container) for _ in range(4)]
    running += [begin(scripts.RENAME, container, f"name-{number}") for number in range(4)]
    said = [process.communicate(timeout=LIMIT) for process in running]
    assert [process.returncode for process in running] == [0] * 8, said
    assert [out for out, _ in said[:4]] == [f"start {container}\n"] * 4
    assert locks(container, tmp_path) == []


def test_what_a_killed_start_left_goes_with_the_container(begin: Begin, container: str, tmp_path: Path) -> None:
    folder = Path("/run") if os.access("/run", os.W_OK) else tmp_path / "run"
    (folder / f"dvm-{container}.lock").touch()
    out, _ = begin(scripts.REMOVE, container, "--force --volumes").communicate(timeout=LIMIT)
    assert out == f"rm --force --volumes {container}\n"
    assert locks(container, tmp_path) == []


def test_a_removal_that_fails_is_told(container: str) -> None:
    done = subprocess.run(["sh", "-c", scripts.REMOVE, "dvm", container, "", "false"], check=False, timeout=LIMIT)
    assert done.returncode == 1


def test_a_removal_by_force_that_fails_is_told(container: str, tmp_path: Path) -> None:
    """nerdctl ends with 0, and only says what is wrong."""
    program = tmp_path / "nerdctl"
    program.write_text("#!/bin/sh\necho 'level=error msg=\"1 errors:\\nthe disk is full\"' >&2\n")
    program.chmod(0o755)
    words = ["sh", "-c", scripts.REMOVE, "dvm", container, "--force", str(program)]
    done = subprocess.run(words, check=False, timeout=LIMIT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr


def test_a_shim_that_hangs_is_ended_and_no_other(container: str, tmp_path: Path) -> None:
    """A container whose shim does not answer is removed all the same."""
    program, full_id = tmp_path / "nerdctl", secrets.token_hex(32)
    hangs, other = (
        subprocess.Popen(["sh", "-c", "read -r word", "containerd-shim", "-id", one, "-x"], stdin=subprocess.PIPE)
        for one in (full_id, secrets.token_hex(32))
    )
    program.write_text(
        "#!/bin/sh\n"
        f"""case $* in *inspect*) echo '[{{"Id": "{full_id}"}}]'; exit 0 ;; esac\n"""
        f"kill -0 {hangs.pid} 2>/dev/null && grep -q '^State:.[^Z]' /proc/{hangs.pid}/status || exit 0\n"
        "echo 'level=error msg=\"1 errors:\\nunknown container status unknown\"' >&2\n"
    )
    program.chmod(0o755)
    try:
        words = ["sh", "-c", scripts.REMOVE, "dvm", container, "--force", str(program)]
        done = subprocess.run(words, check=False, timeout=LIMIT, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert hangs.wait(LIMIT) == -9
        assert other.poll() is None
    finally:
        for one in (hangs, other):
            one.kill()
            one.communicate()
