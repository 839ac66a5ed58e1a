"""What four real nerdctl versions answered to 118 commands each is understood."""

from __future__ import annotations

import json

import pytest
from tests.containerd.recorded import NERDCTL_VERSIONS, Step, nerdctl

from dvm_runtimes.engines.base import Container
from dvm_runtimes.engines.nerdctl import NerdctlProfile, json_output
from dvm_runtimes.engines.nerdctl.build import BuildOutput
from dvm_runtimes.engines.nerdctl.error_mapping import exec_failure, failure, path_failure, pull_failure
from dvm_runtimes.engines.nerdctl.json_output import check_version
from dvm_runtimes.engines.nerdctl.logrus import LastLine, exec_exit_code, parse_messages, reason
from dvm_runtimes.engines.nerdctl.logs import LogRecords
from dvm_runtimes.errors import (
    BuildError,
    DvmError,
    EngineError,
    ExecError,
    ImageNotFoundError,
    NameConflictError,
    PathNotFoundError,
    RuntimeUnavailableError,
    UnsupportedError,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.infos import EventKind, HostPort, ImageInfo, ProgressEvent, WorkspaceStatus

PROFILE = NerdctlProfile()


@pytest.fixture(params=NERDCTL_VERSIONS)
def steps(request: pytest.FixtureRequest) -> dict[str, Step]:
    return nerdctl(request.param)


def containers(step: Step) -> list[Container]:
    return [json_output.container(data) for data in json_output.objects(step["stdout"])]


def exec_outcome(step: Step) -> tuple[bytes, bytes, int | None, str]:
    """Output, standard error, exit code and nerdctl's words, as a session gives them, fed byte by byte."""
    line = LastLine()
    stderr = b"".join(line.feed(bytes([byte])) for byte in step["stderr"].encode())
    rest, words = line.finish(failed=step["rc"] != 0)
    code = 0 if step["rc"] == 0 else exec_exit_code(words)
    return step["stdout"].encode(), stderr + rest, code, words


def error(step: Step) -> DvmError:
    return failure(reason(step["stderr"]), PROFILE, "a_test", "it")


def test_every_step_that_failed_says_why_in_one_message(steps: dict[str, Step]) -> None:
    failed = [step for step in steps.values() if step["rc"] not in (0, "terminated")]
    assert len(failed) > 25
    for step in failed:
        words = reason(step["stderr"] or step["stdout"])
        assert words, step["step"]
        assert not words.startswith("time="), step["step"]


def test_every_json_answer_is_read(steps: dict[str, Step]) -> None:
    read = 0
    for step in steps.values():
        if step["stdout"].lstrip().startswith(("{", "[")) and step["step"] != "events":
            assert json_output.objects(step["stdout"]), step["step"]
            read += 1
    assert read > 20


def test_version(steps: dict[str, Step]) -> None:
    version = check_version(steps["version json"]["stdout"], PROFILE, "a_test")
    assert version == f"containerd 1.6.20~ds1, nerdctl {steps['version']['stdout'].split()[-1].removeprefix('v')}"


def test_an_old_version_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"1\.6\.2 is too old.*Install nerdctl"):
        check_version('{"Client":{"Version":"v1.6.2"}}', PROFILE, "a_test")


def test_a_running_container(steps: dict[str, Step]) -> None:
    (found,) = containers(steps["inspect"])
    assert found.id == steps["run"]["stdout"].strip()
    assert (found.name, found.status, found.image) == ("rec-w1", WorkspaceStatus.RUNNING, "rec-demo:1")
    # The comma is part of the value, which `ps` cannot show.
    assert found.labels["io.devopsmaestro.app"] == "a,b"
    assert found.ports == {"8080/tcp": HostPort("127.0.0.1", 18081)}
    assert found.created > 1_795_000_000
    assert found.exit_code is None


def test_several_containers(steps: dict[str, Step]) -> None:
    running, exited = containers(steps["inspect two"])
    assert (running.status, exited.status) == (WorkspaceStatus.RUNNING, WorkspaceStatus.EXITED)
    assert exited.exit_code == 3
    assert exited.ports == {}


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("inspect paused", WorkspaceStatus.PAUSED),
        ("inspect stopped", WorkspaceStatus.EXITED),
        ("inspect killed", WorkspaceStatus.EXITED),
        ("inspect created", WorkspaceStatus.CREATED),
        ("inspect init static", WorkspaceStatus.EXITED),
    ],
)
def test_states(steps: dict[str, Step], name: str, status: WorkspaceStatus) -> None:
    (state,) = json_output.objects(steps[name]["stdout"])
    assert json_output.status(state) is status
    found = json_output.container({"Id": "a", "State": state})
    assert found.exit_code == {"inspect stopped": 0, "inspect killed": 137, "inspect init static": 143}.get(name)


def test_labels_of_ps_in_both_forms(steps: dict[str, Step]) -> None:
    for data in json_output.objects(steps["ps filter label"]["stdout"]):
        assert json_output.label_map(data["Labels"])["io.devopsmaestro.managed"] == "true"


def test_labels_that_are_not_there() -> None:
    assert json_output.label_map(None) == json_output.label_map("") == {}


def test_an_image(steps: dict[str, Step]) -> None:
    (data,) = json_output.objects(steps["image inspect"]["stdout"])
    found = json_output.image(data)
    assert found.id == steps["image id"]["stdout"].strip()
    assert found.tags == ("rec-demo:1",)
    assert found.command == ("sh",)
    assert isinstance(found, ImageInfo)
    assert found.size > 0


@pytest.mark.parametrize(
    ("name", "stdout", "stderr", "code"),
    [
        ("exec exit 7", b"o\n", b"e\n", 7),
        ("exec killed by signal", b"", b"", 137),
        ("exec stderr without a newline", b"", b"partial", 3),
        (
            "exec prints a line like nerdctl's own",
            b"",
            b'time="2026-01-01T00:00:00Z" level=fatal msg="exec failed with exit code 9"\n',
            4,
        ),
        (
            "exec prints such a line and succeeds",
            b"",
            b'time="2026-01-01T00:00:00Z" level=fatal msg="exec failed with exit code 9"\n',
            0,
        ),
        ("exec 1 MiB", b"1048576\n", b"", 0),
        ("exec quoting", "a b||'|\"|$HOME|$(id)|`id`|;|*|-x|--|é😀|line1\nline2|".encode(), b"", 0),
    ],
)
def test_exec(steps: dict[str, Step], name: str, stdout: bytes, stderr: bytes, code: int) -> None:
    assert exec_outcome(steps[name])[:3] == (stdout, stderr, code)


def test_exec_in_a_terminal(steps: dict[str, Step]) -> None:
    last = steps["exec tty"]["stdout"].splitlines(keepends=True)[-1]
    assert exec_exit_code(reason(last)) == 5


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("exec missing command", ExecError),
        ("exec in missing", WorkspaceNotFoundError),
        ("exec in stopped", WorkspaceNotRunningError),
        ("exec in paused", WorkspaceNotRunningError),
    ],
)
def test_exec_that_did_not_start(steps: dict[str, Step], name: str, kind: type[DvmError]) -> None:
    _, stderr, code, words = exec_outcome(steps[name])
    assert (stderr, code) == (b"", None)
    found = exec_failure(words, PROFILE, "a_test", "/no/such")
    assert type(found) is kind
    assert found.hint
    if isinstance(found, ExecError):
        assert found.exit_code == 127


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("image inspect missing", ImageNotFoundError),
        ("run missing image, pull never", ImageNotFoundError),
        ("rmi missing", ImageNotFoundError),
        ("run name taken", NameConflictError),
        ("inspect missing", WorkspaceNotFoundError),
        ("container inspect missing", WorkspaceNotFoundError),
        ("logs missing", WorkspaceNotFoundError),
        ("stop missing", WorkspaceNotFoundError),
        ("rm missing", WorkspaceNotFoundError),
        ("rm running", EngineError),
        ("rmi in use", EngineError),
        ("volume rm in use", EngineError),
        ("unreachable address", RuntimeUnavailableError),
        ("unknown flag", UnsupportedError),
        ("unknown command", UnsupportedError),
    ],
)
def test_failures(steps: dict[str, Step], name: str, kind: type[DvmError]) -> None:
    assert type(error(steps[name])) is kind
    assert error(steps[name]).hint
    assert error(steps[name]).detail


def test_a_pull_that_no_registry_answered(steps: dict[str, Step]) -> None:
    words = reason(steps["run missing image"]["stderr"])
    found = pull_failure(words, PROFILE, "pull_image", "localhost:1/rec-nope:1")
    assert type(found) is ImageNotFoundError
    assert "connection refused" in found.detail


def test_a_missing_path(steps: dict[str, Step]) -> None:
    found = path_failure(reason(steps["cp missing"]["stderr"]), PROFILE, "copy_from_workspace", "/no/such")
    assert type(found) is PathNotFoundError


def test_warnings_are_no_failure(steps: dict[str, Step]) -> None:
    step = steps["inspect stopped"]
    assert step["rc"] == 0
    assert all(message.level == "warning" for message in parse_messages(step["stderr"]))


def test_logs(steps: dict[str, Step]) -> None:
    step = steps["logs timestamps"]
    taken = LogRecords()
    written = b"".join(taken.feed(bytes([byte])) for byte in (step["stdout"] + step["stderr"]).encode())
    assert written + taken.finish() == b"out\nerr\n"
    assert taken.messages == ""
    later = LogRecords(since=4_000_000_000)
    assert later.feed((step["stdout"] + step["stderr"]).encode()) + later.finish() == b""


def test_what_nerdctl_says_is_no_log(steps: dict[str, Step]) -> None:
    taken = LogRecords()
    assert taken.feed(steps["logs missing"]["stderr"].encode()) == b""
    assert reason(taken.messages) == "no such container rec-nope"


def test_build(steps: dict[str, Step]) -> None:
    told: list[ProgressEvent] = []
    output = BuildOutput(told.append)
    text = steps["build"]["stderr"] + steps["build"]["stdout"]
    for at in range(0, len(text), 7):
        output.feed(text[at : at + 7])
    output.finish()
    steps_told = [event.step for event in told if event.current == 2]
    assert steps_told == ['[2/3] RUN ["/bin/busybox","--install","-s","/bin"]']
    assert {event.total for event in told if event.total} == {3}


def test_a_failing_build(steps: dict[str, Step]) -> None:
    output = BuildOutput(lambda event: None)
    output.feed(steps["build failing step"]["stderr"] + steps["build failing step"]["stdout"])
    output.finish()
    assert "did not complete successfully: exit code: 3" in output.reason
    assert any("about to fail" in line for line in output.lines)
    assert BuildError.kind == "build_failed"


def test_a_build_without_its_dockerfile(steps: dict[str, Step]) -> None:
    output = BuildOutput(lambda event: None)
    output.feed(steps["build missing dockerfile"]["stderr"])
    output.finish()
    assert output.reason == "lstat /src/nope: no such file or directory"
    assert output.steps == {}


def test_events(steps: dict[str, Step]) -> None:
    heard = [json_output.event(line) for line in steps["events"]["stdout"].splitlines()]
    found = [event for event in heard if event is not None]
    made = steps["run"]["stdout"].strip()
    mine = [event for event in found if event.container == made]
    kinds = [event.kind for event in mine if event.kind is not EventKind.RENAMED]
    # The recordings end after some fifty thousand characters, each at another event.
    whole = [
        *(EventKind.CREATED, EventKind.STARTED, EventKind.PAUSED, EventKind.RESUMED),
        *(EventKind.STOPPED, EventKind.STARTED, EventKind.STOPPED, EventKind.STARTED, EventKind.STOPPED),
        EventKind.REMOVED,
    ]
    assert len(kinds) >= 7
    assert kinds == whole[: len(kinds)]
    assert [event.exit_code for event in mine if event.kind is EventKind.STOPPED] == [0, 0, 137][
        : kinds.count(EventKind.STOPPED)
    ]
    assert [event.time for event in mine] == sorted(event.time for event in mine)
    assert {event.name for event in mine if event.kind is EventKind.RENAMED} == {"rec-w1"}


def test_the_end_of_a_command_inside_is_not_the_containers(steps: dict[str, Step]) -> None:
    made = steps["run"]["stdout"].strip()
    exits = [line for line in steps["events"]["stdout"].splitlines() if "/tasks/exit" in line and made in line]
    understood = [line for line in exits if json_output.event(line) is not None]
    assert 0 < len(understood) < len(exits) - 5


def test_objects_in_every_form() -> None:
    one = {"Id": "a"}
    for text in (json.dumps([one]), json.dumps(one), f"{json.dumps(one)}\n", f"null\n{json.dumps(one)}\n\n"):
        assert json_output.objects(text) == [one]
    assert json_output.objects("null") == json_output.objects("") == []


def test_steps_on_an_image_that_buildkit_was_given() -> None:
    """As BuildKit 0.25.2 writes them: FROM has no number, and the image a name that is nobody's business."""
    heard: list[ProgressEvent] = []
    output = BuildOutput(heard.append)
    name = "localhost/dvm-build-b6a705543133cb791ac366e286afc76a:1"
    output.feed(f"#2 [context app:1] load metadata for {name}\n#4 [context app:1] {name}\n#5 [1/2] RUN make\n")
    output.feed("#6 [tools 1/3] FROM docker.io/library/debian:12\n#7 [tools 2/3] RUN true\n")

    assert [(one.step, one.current, one.total) for one in heard] == [
        ("[context app:1] load metadata", None, None),
        ("[context app:1]", None, None),
        ("[1/2] RUN make", 2, 2),
        ("[tools 1/3] FROM docker.io/library/debian:12", 1, 3),
        ("[tools 2/3] RUN true", 2, 3),
    ]
