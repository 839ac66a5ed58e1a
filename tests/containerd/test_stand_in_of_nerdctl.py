"""The stand-in of nerdctl has the manners of a real one: step by step, beside a recording."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.containerd.recorded import Step, nerdctl
from tests.containerd.replay import again, manner
from tests.engines.fixtures import Engines
from tests.engines.kinds.containerd import stand_in_script

from dvm_runtimes.engines.nerdctl import json_output

RECORDED = "2.1.6"

SUBSTITUTES = {"rec-demo": "dvm-test/base", "dvm-test/base:2": "rec-second:2"}

# In the order of the recording, since each finds what those before it have left. What is not here is nothing that DVM
# asks for, or goes by what Docker has no equal of (`top`, `stats`, `commit`, `namespace ls`).
STEPS = (
    *("image inspect missing", "run missing image, pull never", "run", "run name taken", "run bad command"),
    *("run exits 3", "ps filter label", "ps none", "inspect id", "inspect by short id", "container inspect missing"),
    *("exec exit 7", "exec ok", "exec user env cwd", "exec stdin", "exec missing command"),
    *("exec prints a line like nerdctl's own", "exec prints such a line and succeeds"),
    *("exec stderr without a newline", "exec quoting", "exec killed by signal", "exec in missing", "exec in stopped"),
    *("exec -it without a tty", "exec 1 MiB", "logs", "logs tail", "logs timestamps", "logs since", "logs missing"),
    *("pause", "inspect paused", "exec in paused", "unpause", "rm running", "stop", "stop again", "inspect stopped"),
    *("start", "kill", "inspect killed", "wait", "rename", "rename back", "create", "inspect created", "stop missing"),
    *("rm missing", "rm -f missing", "rm -f", "rm others", "run env-file", "rmi missing", "unknown command"),
)


@pytest.fixture(scope="module")
def program(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    engine = engines.get("docker")
    folder = tmp_path_factory.mktemp("stand-in")
    script = folder / "nerdctl"
    script.write_text(stand_in_script(Path(engine.endpoint.removeprefix("unix://"))))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    yield [str(script)]
    again([str(script)], {"step": "end", "argv": ["", "rm", "-f", "rec-w1", "rec-bad", "rec-exit3", "rec-created"]}, {})


@pytest.fixture(scope="module")
def answers(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """What the stand-in answers to the recorded commands."""
    source = tmp_path_factory.mktemp("src")
    substitutes = {**SUBSTITUTES, "/src": str(source)}
    recorded = nerdctl(RECORDED)
    found: dict[str, Step] = {}
    for name in STEPS:
        step = dict(recorded[name])
        if name == "inspect by short id":
            step["argv"] = [*step["argv"][:-1], found["run"]["stdout"].strip()[:8]]
        found[name] = again(program, step, substitutes)
    return found


@pytest.mark.parametrize("name", STEPS)
def test_it_fails_and_succeeds_as_the_real_one(answers: dict[str, Step], name: str) -> None:
    code, level, words = manner(answers[name])
    wanted_code, wanted_level, wanted_words = manner(nerdctl(RECORDED)[name])
    assert (code, level) == (wanted_code, wanted_level), answers[name]
    if name != "run bad command":  # runc's own words, of another version
        assert words == wanted_words.replace("rec-demo", "dvm-test/base")


@pytest.mark.parametrize("name", [name for name in STEPS if name.startswith("exec")])
def test_its_commands_write_the_same(answers: dict[str, Step], name: str) -> None:
    here, there = (without_names(one["stdout"]) for one in (answers[name], nerdctl(RECORDED)[name]))
    # The last line of this step lists the image's own variables.
    lines = 2 if name == "exec ok" else None
    assert here.splitlines()[:lines] == there.splitlines()[:lines]


def without_names(text: str) -> str:
    """The answer of ``id`` in an image that knows no names."""
    return re.sub(r"=(\d+)\(\w+\)", r"=\1", text)


@pytest.mark.parametrize("name", ["inspect paused", "inspect stopped", "inspect killed", "inspect created"])
def test_its_states_are_read_as_the_real_ones(answers: dict[str, Step], name: str) -> None:
    here = json.loads(answers[name]["stdout"])
    there = json.loads(nerdctl(RECORDED)[name]["stdout"])
    assert json_output.status(here) is json_output.status(there)
    assert here["Running"] is there["Running"]
    assert here["Paused"] is there["Paused"]
    assert here["ExitCode"] == there["ExitCode"]


def test_its_labels_are_joined_as_the_real_ones(answers: dict[str, Step]) -> None:
    (here,) = json_output.objects(answers["ps filter label"]["stdout"])
    (there,) = json_output.objects(nerdctl(RECORDED)["ps filter label"]["stdout"])
    assert "io.devopsmaestro.app=a,b" in here["Labels"]
    assert "io.devopsmaestro.app=a,b" in there["Labels"]
    assert here["Status"] == there["Status"] == "Up"
    assert here["Names"] == there["Names"]
