"""Stands in for the ``colima`` executable: what it says, and how it passes words on, as the real one was recorded.

A program of its own, with nothing but the standard library:

    python colima.py FOLDER [colima's own words]

FOLDER is the engine's: ``vm.json`` there names each profile, its state, and the
program that leads into its namespaces. Everything past the name ``colima`` is
real: a login shell there, the flattened exit code, the size that a command line
may have, and what goes on running when a caller is killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import termios
import threading
import time
import tty
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

LONGEST = 131072
"""Bytes of a command line on Linux, after Lima's quoting."""

VERSION = "v0.10.3"


def main() -> None:
    folder, *words = sys.argv[1:]
    profile, words = take_profile(words)
    vm = json.loads(Path(folder, "vm.json").read_text())
    command, *rest = words or ["help"]
    if command == "version" or "--version" in words:
        print(f"colima version {VERSION}")
        return
    if command == "list":
        for name, one in vm["profiles"].items():
            print(json.dumps({"name": name, "status": one["status"], "arch": "x86_64", "runtime": "containerd"}))
        return
    found = vm["profiles"].get("default" if profile == "colima" else profile.removeprefix("colima-"))
    if command == "status":
        status(found, profile, json_wanted="--json" in rest)
    elif command in ("ssh", "exec", "x"):
        if found is None or found["status"] != "Running":
            fatal(f"colima{'' if profile == 'default' else f' [profile={profile}]'} not running")
        if rest[:1] == ["--"]:
            rest = rest[1:]
        elif rest and rest[0].startswith("-"):
            print(f"Error: unknown shorthand flag: {rest[0][1:2]!r} in {rest[0]}\nUsage:", file=sys.stderr)
            fatal(f"unknown shorthand flag: {rest[0][1:2]!r} in {rest[0]}")
        if found.get("counts"):
            with Path(folder, "calls").open("a") as calls:
                calls.write("ssh\n")
        ssh(found, rest)
    else:
        fatal(f'unknown command "{command}" for "colima"')


def take_profile(words: list[str]) -> tuple[str, list[str]]:
    """The profile, and the words without it; what comes after ``--`` is not Colima's."""
    left: list[str] = []
    profile, position = os.environ.get("COLIMA_PROFILE") or "default", 0
    while position < len(words):
        word = words[position]
        if word == "--":
            return profile, left + words[position:]
        if word in ("-p", "--profile"):
            position += 1
            profile = words[position]
        elif word.startswith("--profile="):
            profile = word.partition("=")[2]
        else:
            left.append(word)
        position += 1
    return profile, left


def status(found: dict[str, Any] | None, profile: str, *, json_wanted: bool) -> None:
    if found is None or found["status"] != "Running":
        fatal(f"colima{'' if profile == 'default' else f' [profile={profile}]'} is not running")
    if json_wanted:
        print(json.dumps({"display_name": "colima", "driver": "QEMU", "arch": "x86_64", "runtime": "containerd"}))
    else:
        say("info", "colima is running using QEMU")


def say(level: str, text: str) -> None:
    """One line as Colima's logger writes it."""
    if os.isatty(2):
        print(f"\x1b[31m{level.upper()[:4]}\x1b[0m[0000] {text:<44} ", file=sys.stderr)
        return
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f'time="{now}" level={level} msg={json.dumps(text)}', file=sys.stderr)


def fatal(text: str) -> NoReturn:
    say("fatal", text)
    sys.exit(1)


def ssh(vm: dict[str, Any], words: list[str]) -> None:
    """Run words in a login shell there, as limactl has ssh do it; in a machine that hangs, for ever."""
    while vm["status"] == "Running" and vm.get("hangs"):
        signal.pause()
    for message in vm.get("ssh_says", ()):
        print(message, file=sys.stderr)
    if vm.get("ssh_says"):
        fatal("exit status 255")
    if words[:1] == ["--"]:
        words = words[1:]
    if words[:1] and words[0] in ("create", "start", "delete", "shell"):
        say("warning", f"Perhaps you meant `limactl {' '.join(words)}`?")
    line = quoted(words)
    script = (
        f'cd {shlex.quote(vm["home"])} || exit 1 ; exec "$SHELL" -l -c {shlex.quote(line)}' if words else "exec bash -l"
    )
    if len(os.fsencode(script)) >= LONGEST:
        say("fatal", "fork/exec /usr/bin/ssh: argument list too long")
        sys.exit(1)
    env = {"HOME": vm["home"], "USER": "user", "SHELL": "/bin/bash", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    terminal = os.isatty(0) and os.isatty(1)
    if terminal:
        env["TERM"] = os.environ.get("TERM", "dumb")
    argv = ["env", "-i", *(f"{name}={value}" for name, value in env.items()), "/bin/bash", "-c", script]
    if vm.get("through"):
        # A fresh connection to the sshd there, as Lima makes one where the kept one has no room.
        ssh_words = [
            "ssh",
            "-F",
            vm["through"],
            "-o",
            "ControlMaster=no",
            "-o",
            "ControlPath=none",
            "-T",
            "lima-colima",
        ]
        argv = [*ssh_words, "--", shlex.join(argv)]
    else:
        argv = [*vm["enter"], *argv]
    code = in_terminal(argv) if terminal else with_pipes(argv)
    if code:
        # 255 is all that ssh has for a program that a signal ended.
        fatal(f"exit status {255 if code < 0 else code}")


def quoted(words: list[str]) -> str:
    """Words for a shell; of those that begin them, ``NAME=value`` stays an assignment."""
    assignments = []
    while words and (match := re.match(r"[A-Za-z_]\w*=", words[0])):
        assignments.append(match[0] + shlex.quote(words[0][match.end() :]))
        words = words[1:]
    return " ".join([*assignments, *map(shlex.quote, words)])


def with_pipes(argv: list[str]) -> int:
    """Input and output go through us, as through ssh; standard error is the far side's own, as with a kept connection.

    Killed, we let go of the first two, while the far side runs on and still holds the third.
    """
    far = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", start_new_session=True)
    assert far.stdin is not None
    assert far.stdout is not None
    threading.Thread(target=copy, args=(0, far.stdin.fileno(), True), daemon=True).start()
    copy(far.stdout.fileno(), 1, False)
    return far.wait()


def copy(source: int, target: int, end: bool) -> None:
    with suppress(OSError):
        while data := os.read(source, 65536):
            view = memoryview(data)
            while view:
                view = view[os.write(target, view) :]
    if end:
        with suppress(OSError):
            os.close(target)


def in_terminal(argv: list[str]) -> int:
    """The far side gets a terminal of our size; ours is raw meanwhile."""
    master, slave = pty.openpty()
    resize(master)
    signal.signal(signal.SIGWINCH, lambda *_: resize(master))
    far = subprocess.Popen(
        argv,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd="/",
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        watched = [0, master]
        while master in watched:
            ready, _, _ = select.select(watched, [], [])
            for fd in ready:
                try:
                    data = os.read(fd, 65536)
                except OSError:  # EIO: the far side is gone
                    data = b""
                if not data:
                    watched.remove(fd)
                elif fd == 0:
                    os.write(master, data)
                else:
                    os.write(1, data)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
    return far.wait()


def resize(master: int) -> None:
    fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))


if __name__ == "__main__":
    main()
