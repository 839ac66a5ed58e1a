"""Stands in for ``nerdctl``: its grammar and its recorded manners, over a real Docker Engine.

A program of its own, with nothing but the standard library and Docker's client:

    python nerdctl.py SOCKET [nerdctl's own words]

The two have the same words for most things, so that most of this is how the
answers differ: exit codes flattened to 1, one fatal line on standard error,
containerd's states, labels and events. It runs real containers; which of
nerdctl's answers it gives is checked against recordings of real ones.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.engines.stand_ins import buildkit_images, nerdctl_terminal
from tests.engines.stand_ins import nerdctl_client as client
from tests.engines.stand_ins import nerdctl_forms as forms
from tests.engines.stand_ins.nerdctl_client import ask, docker, fatal, say

VERSION = "2.1.6"
WATCH = "dvm-stand-in-watch-"
"""Docker has no namespaces with labels: a volume of this name, made and removed, is the event of one."""


def main() -> None:
    words = global_flags(sys.argv[1], sys.argv[2:])
    if words[:1] == ["--version"]:
        print(f"nerdctl version {VERSION}")
        return
    if not Path(client.socket).exists():
        fatal(f'cannot access containerd socket "{client.socket}": no such file or directory')
    command, *rest = words or ["help"]
    if command in ("container", "image") and rest:
        command, *rest = (f"{command} {rest[0]}", *rest[1:])
    handler = COMMANDS.get(command)
    if handler is None:
        fatal(f'unknown subcommand "{command}" for "nerdctl"')
    handler(rest)


def global_flags(socket: str, words: list[str]) -> list[str]:
    """The words without nerdctl's own flags; another address is another engine."""
    client.socket = socket
    while words and words[0] in ("--address", "-a", "--namespace", "-n"):
        if words[0] in ("--namespace", "-n"):
            client.namespace = words[1]
        if words[0] in ("--address", "-a") and not words[1].endswith("containerd.sock"):
            client.socket = words[1]
        words = words[2:]
    return words


def plain(*fixed: str) -> Callable[[list[str]], None]:
    """A command that both have, word for word."""

    def run(words: list[str]) -> None:
        print(ask(*fixed, *words), end="")

    return run


# Containers


def create(words: list[str]) -> None:
    print(ask("create", *forms.for_docker(words)), end="")


def run(words: list[str]) -> None:
    if "-d" in words or "--detach" in words:
        print(ask("run", *forms.for_docker(words)), end="")
        return
    done = subprocess.run(docker("run", *words), close_fds=False, stderr=subprocess.PIPE, check=False)
    if done.returncode in (125, 126, 127):
        fatal(forms.translate(done.stderr.decode(errors="replace"), ("run", *words)))
    sys.stderr.buffer.write(done.stderr)
    sys.exit(done.returncode)


def stop(words: list[str]) -> None:
    each("stop", words, flags_with_value=("--time", "-t"))


def remove(words: list[str]) -> None:
    force = "--force" in words or "-f" in words
    flags = [word for word in words if word.startswith("-")]
    errors = []
    for name in (word for word in words if not word.startswith("-")):
        if force and not known(name):
            errors.append(f"no such container: {name}")
            continue
        done = subprocess.run(docker("rm", *flags, name), close_fds=False, capture_output=True, text=True, check=False)
        if done.returncode:
            errors.append(forms.translate(done.stderr, ("rm", name), found=full_id(name)))
        else:
            print(name)
    if errors:
        text = f"{len(errors)} errors:\n" + "\n".join(one.removeprefix("1 errors:\n") for one in errors)
        if not force:
            fatal(text)
        say("error", text)


def each(command: str, words: list[str], *, flags_with_value: tuple[str, ...] = ()) -> None:
    """Do it to each container, and name all that failed."""
    flags, names, position = [], [], 0
    while position < len(words):
        if words[position] in flags_with_value:
            flags += words[position : position + 2]
            position += 1
        elif words[position].startswith("-"):
            flags.append(words[position])
        else:
            names.append(words[position])
        position += 1
    for name in names:
        if not known(name):
            fatal(f"1 errors:\nno such container: {name}")
        ask(command, *flags, name)
        print(name)


def known(name: str) -> bool:
    return bool(full_id(name))


def full_id(name: str) -> str:
    done = subprocess.run(
        docker("container", "inspect", "--format", "{{.Id}}", name),
        close_fds=False,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def inspect(words: list[str]) -> None:
    template = words[words.index("--format") + 1] if "--format" in words else ""
    names = [word for word in words if word not in ("--format", template)]
    found = []
    for name in names:
        done = subprocess.run(
            docker("container", "inspect", name), close_fds=False, capture_output=True, text=True, check=False
        )
        if done.returncode:
            fatal(f"1 errors:\nno such container: {name}")
        found += [forms.container(one) for one in json.loads(done.stdout)]
    if template:
        for one in found:
            print(forms.fill(template, one))
        return
    print(json.dumps(found, indent=4, ensure_ascii=False))


def ps(words: list[str]) -> None:
    if "--quiet" in words or "-q" in words:
        print(ask("ps", *words), end="")
        return
    at = words.index("--format")
    ids = ask("ps", "--quiet", "--no-trunc", *words[:at], *words[at + 2 :]).split()
    for one in json.loads(ask("container", "inspect", *ids)) if ids else []:
        print(json.dumps(forms.listed(one)))


def wait(words: list[str]) -> None:
    if not known(words[-1]):
        fatal(f"no such container: {words[-1]}")
    print(ask("wait", *words), end="")


def execute(words: list[str]) -> None:
    """Input, output and terminal are the command's own; how it ended is said by a line, and by 1 for every failure."""
    name = next(word for word in forms.arguments(words, forms.EXEC_WITH_VALUE))
    state = subprocess.run(
        docker("container", "inspect", "--format", "{{.State.Status}}", name),
        close_fds=False,
        capture_output=True,
        text=True,
        check=False,
    )
    if state.returncode:
        fatal(f"no such container {name}")
    if (status := state.stdout.strip()) != "running":
        fatal(f"cannot exec in a {'paused' if status == 'paused' else 'stopped'} state: unknown")
    terminal = "--tty" in words or "-it" in words or "-t" in words
    if terminal and not os.isatty(1):
        fatal("provided file is not a console")
    if terminal:
        words = nerdctl_terminal.sized(words, name)
    # nerdctl has no keys that detach: every key goes to the command at once.
    keys = ["--detach-keys", "ctrl-@,ctrl-^,ctrl-@,ctrl-_"]
    child = subprocess.Popen(
        docker("exec", *keys, *words), close_fds=False, stdout=None if terminal else subprocess.PIPE
    )
    refused = b"" if terminal else pass_on(child)
    code = nerdctl_terminal.wait(child) if terminal else child.wait()
    if code in (126, 127) and refused:
        fatal(refused.decode(errors="replace").strip())
    if code:
        fatal(f"exec failed with exit code {code if code > 0 else 128 - code}")


def pass_on(child: subprocess.Popen[bytes]) -> bytes:
    """Copy the output; what Docker itself puts there, when a command cannot be started, is given back instead."""
    assert child.stdout is not None
    output = child.stdout.fileno()
    first = os.read(output, 65536)
    if first.startswith(b"OCI runtime exec failed"):
        return first
    while first:
        os.write(1, first)
        first = os.read(output, 65536)
    return b""


def logs(words: list[str]) -> None:
    name = words[-1]
    if not known(name):
        fatal(f"no such container {name}")
    sys.exit(client.pass_on_lines(docker("logs", *words), forms.with_one_time))


def rename(words: list[str]) -> None:
    if not known(words[0]):
        fatal(f"no such container {words[0]}")
    ask("rename", *words)


def copy(words: list[str]) -> None:
    """Through the program that ``$TAR`` names, as nerdctl has it pack and unpack."""
    source, target = words
    tar = os.environ.get("TAR", "tar")
    if ":" in target:
        container, _, path = target.partition(":")
        packing = subprocess.Popen([tar, "-c", "-f", "-", "."], cwd=source, stdout=subprocess.PIPE)
        done = subprocess.run(
            docker("cp", "-", f"{container}:{path}"),
            close_fds=False,
            stdin=packing.stdout,
            capture_output=True,
            check=False,
        )
        packing.kill()
        packing.wait()
        if done.returncode:
            fatal(forms.translate(done.stderr.decode(errors="replace"), ("cp",)))
        return
    reading = subprocess.Popen(
        docker("cp", source, "-"), close_fds=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reading.stdout is not None
    assert reading.stderr is not None
    first = reading.stdout.read1()  # type: ignore[attr-defined]
    if not first:
        words_of_docker = reading.stderr.read().decode(errors="replace")
        if reading.wait():
            fatal(forms.translate(words_of_docker, ("cp", source)))
    unpacking = subprocess.Popen([tar, "-x", "-f", "-"], cwd=target, stdin=subprocess.PIPE)
    assert unpacking.stdin is not None
    while first:
        unpacking.stdin.write(first)
        first = reading.stdout.read1()  # type: ignore[attr-defined]
    unpacking.stdin.close()
    if reading.wait() or unpacking.wait():
        fatal("failed to wait for tar")


# Images


def image_inspect(words: list[str]) -> None:
    native = "native" in words
    names = [word for word in words if word not in ("--mode", "native", "dockercompat")]
    found = []
    for name in names:
        done = subprocess.run(
            docker("image", "inspect", name), close_fds=False, capture_output=True, text=True, check=False
        )
        # It finds images by the digest of their manifest, but not by their ID.
        if done.returncode or forms.IMAGE_ID.fullmatch(name):
            fatal(f"1 errors:\nno such image: {name}")
        found += [forms.image(one, name) if native else one for one in json.loads(done.stdout)]
    print(json.dumps(found, indent=4))


def images(words: list[str]) -> None:
    for line in ask("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}}").split():
        if "<none>" not in line:
            print(forms.canonical(line))


def pull(words: list[str]) -> None:
    """What it tells of is the manifest alone, once it is there: Docker names the layers otherwise."""
    done = subprocess.run(docker("pull", *words), close_fds=False, capture_output=True, text=True, check=False)
    if done.returncode:
        fatal(f'failed to resolve reference "{words[-1]}": {done.stderr.strip()}')
    digest = next(line for line in done.stdout.splitlines() if line.startswith("Digest: ")).removeprefix("Digest: ")
    print(f"manifest-{digest}: done           |{'+' * 38}|")


def load(words: list[str]) -> None:
    """What is loaded into BuildKit's namespace is noted: Docker itself has one store for all."""
    said = ask("load", *words)
    if client.namespace == buildkit_images.NAMESPACE:
        buildkit_images.add(re.findall(r"Loaded image: (\S+)", said))
    print(said, end="")


def save(words: list[str]) -> None:
    os.execvp("docker", ["docker", "--host", f"unix://{client.socket}", "save", *words])


def remove_images(words: list[str]) -> None:
    if client.namespace == buildkit_images.NAMESPACE:
        buildkit_images.remove([word for word in words if not word.startswith("-")])
    else:
        print(ask("rmi", *words), end="")


def build(words: list[str]) -> None:
    """With the builder that Docker has; it is told of as BuildKit tells of it."""
    from tests.engines.stand_ins.nerdctl_build import build as build_here

    if (problem := build_here(words, f"unix://{client.socket}")) is not None:
        fatal(problem)


# Events


def namespace(words: list[str]) -> None:
    """Only the setting of a label, which is heard as an event."""
    _, value = words[words.index("--label") + 1].split("=", 1)
    ask("volume", "create", WATCH + value)
    ask("volume", "rm", WATCH + value)


def events(words: list[str]) -> None:
    child = subprocess.Popen(docker("events", "--format", "{{json .}}"), close_fds=False, stdout=subprocess.PIPE)
    assert child.stdout is not None
    # Whoever reads us may go away in silence: then the client must not stay.
    threading.Thread(target=end_with_reader, args=(child,), daemon=True).start()
    for line in child.stdout:
        for topic, payload in forms.event(json.loads(line), WATCH):
            told: dict[str, Any] = {
                "Timestamp": forms.timestamp(json.loads(line)["timeNano"]),
                "ID": payload.get("container_id", ""),
                "Namespace": "devopsmaestro",
                "Topic": topic,
                "Status": "unknown",
                "Event": json.dumps(payload),
            }
            print(json.dumps(told), end="\n\n", flush=True)
    fatal("transport is closing")


def end_with_reader(child: subprocess.Popen[bytes]) -> None:
    import select

    poll = select.poll()
    poll.register(1, select.POLLERR)
    poll.poll()
    child.kill()


def version(words: list[str]) -> None:
    server = ask("version", "--format", "{{.Server.Version}}").strip()
    described = {
        "Client": {"Version": f"v{VERSION}", "Os": "linux"},
        "Server": {"Components": [{"Name": "containerd", "Version": f"(Docker {server})"}]},
    }
    print(json.dumps(described) if words else f"Client:\n Version:\tv{VERSION}")


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "version": version,
    "create": create,
    "run": run,
    "start": lambda words: each("start", words),
    "stop": stop,
    "rm": remove,
    "rename": rename,
    "pause": lambda words: each("pause", words),
    "unpause": lambda words: each("unpause", words),
    "kill": lambda words: each("kill", words, flags_with_value=("--signal", "-s")),
    "wait": wait,
    "inspect": inspect,
    "container inspect": inspect,
    "ps": ps,
    "exec": execute,
    "logs": logs,
    "cp": copy,
    "diff": plain("diff"),
    "image inspect": image_inspect,
    "images": images,
    "pull": pull,
    "rmi": remove_images,
    "tag": plain("tag"),
    "load": load,
    "save": save,
    "build": build,
    "network": plain("network"),
    "volume": plain("volume"),
    "namespace": namespace,
    "events": events,
}


if __name__ == "__main__":
    main()
