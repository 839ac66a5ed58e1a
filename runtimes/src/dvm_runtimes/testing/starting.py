"""Starting: what a fresh workspace is, and what a second start of it does."""

from __future__ import annotations

import dataclasses

import pytest

from dvm_runtimes.errors import (
    DvmError,
    ImageNotFoundError,
    InvalidOptionError,
    WorkspaceNotFoundError,
    WorkspaceNotRunningError,
)
from dvm_runtimes.infos import EventKind, ProgressEvent, WorkspaceStatus
from dvm_runtimes.options import Port, StartOptions
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.validation.naming import EXPIRES, IMAGE, MANAGED, OWNER, PREFIX, SPEC
from dvm_runtimes.waiting import Command, LogLine

from .case import LIMIT, MISSING_IMAGE, Bench, ConformanceCase, assert_typed, require
from .exec import ODD_VALUES
from .subject import Subject


class StartConformance(ConformanceCase):
    """A start gives a running workspace as it was asked for, or an error and nothing."""

    def test_start_makes_a_running_workspace(self, runtime: ContainerRuntime, bench: Bench, subject: Subject) -> None:
        """What comes back is the full ID of a running container of that name, made from that image."""
        options = bench.options()
        workspace = runtime.start_workspace(options)
        info = bench.info(workspace)
        assert (info.id, info.name) == (workspace, options.name)
        assert (info.status, info.exit_code) == (WorkspaceStatus.RUNNING, None)
        assert info.image == subject.image
        assert info.runtime == runtime.platform_type
        assert info.started is not None
        assert 0 < info.created <= info.started
        assert subject.outside.is_running(workspace)

    def test_start_writes_the_identity_to_labels(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Ecosystem, domain, system, app and workspace are read back as they were given, hyphens and all."""
        parts = {"app": "my-app", "workspace": bench.name(), "ecosystem": "eco-1", "domain": "Do Main", "system": "s_1"}
        options = bench.options(**{f"{part}_name": value for part, value in parts.items()})
        info = bench.info(runtime.start_workspace(options))
        assert {part: getattr(info, part) for part in parts} == parts
        assert info.name == options.name == f"dvm-eco-1-do-main-s_1-my-app-{parts['workspace']}"
        assert {info.labels[PREFIX + part] for part in parts} == set(parts.values())
        assert info.labels[MANAGED] == "true"
        assert info.labels[IMAGE] == options.image_name
        assert info.labels[SPEC]

    def test_start_honours_the_container_name(self, bench: Bench) -> None:
        """A ``container_name`` wins over the derived one."""
        name = bench.name()
        info = bench.info(bench.start(container_name=name, workspace_name="dev"))
        assert (info.name, info.workspace) == (name, "dev")

    def test_start_keeps_the_users_labels(self, bench: Bench) -> None:
        """Labels of the user's own are there word for word, owner and expiry beside them."""
        given = {"team": "red", "org.example/long-key": "a b,c=d", "empty": ""}
        info = bench.info(bench.start(labels=given, ttl=3600))
        assert {key: info.labels.get(key) for key in given} == given
        assert info.labels[OWNER] == bench.owner
        assert int(info.labels[EXPIRES]) > info.created

    def test_start_gives_the_environment(self, bench: Bench) -> None:
        """Values arrive byte for byte: blanks, quotes, newlines, dollars, unicode."""
        env = {
            "PLAIN": "x",
            "EMPTY": "",
            "QUOTES": "a 'b' \"c\" `d` \\",
            "DOLLAR": "$HOME ${PATH} $(id)",
            "LINES": "one\ntwo\n",
            "UNICODE": "naïve 日本 🚢",
            "lower_case": "kept",
        }
        workspace = bench.start(env=env)
        got = {key: bench.sh(workspace, f"printenv {key}") for key in env}
        assert got == {key: value + "\n" for key, value in env.items()}

    def test_start_gives_odd_values(self, bench: Bench) -> None:
        """Whatever a shell or a file format in between would change arrives as it was given."""
        workspace = bench.start(env=ODD_VALUES)
        script = "; ".join(f'printf "%s\\001" "${name}"' for name in ODD_VALUES)
        assert bench.sh(workspace, script).split("\1")[:-1] == list(ODD_VALUES.values())

    def test_start_reads_the_env_file(self, bench: Bench) -> None:
        """``env_file`` gives variables, and ``env`` wins over it."""
        file = bench.folder() / "workspace.env"
        file.write_text("# comment\nFROM_FILE=kept\nBOTH=file\n")
        workspace = bench.start(env_file=file, env={"BOTH": "env"})
        assert bench.sh(workspace, 'echo "$FROM_FILE $BOTH"') == "kept env\n"

    def test_start_tells_the_workspace_its_name(self, bench: Bench) -> None:
        """``DVM_WORKSPACE`` and ``DVM_APP`` say inside which workspace it is."""
        options = bench.options(app_name="shop")
        workspace = bench.runtime.start_workspace(options)
        assert bench.sh(workspace, 'echo "$DVM_APP/$DVM_WORKSPACE"') == f"shop/{options.workspace_name}\n"

    def test_start_uses_the_working_directory(self, bench: Bench) -> None:
        """Commands run in /workspace, or in ``working_dir``, which is made where the image has none."""
        assert bench.sh(bench.start(), "pwd") == "/workspace\n"
        assert bench.sh(bench.start(working_dir="/srv/made for me"), "pwd") == "/srv/made for me\n"

    def test_start_runs_the_command(self, bench: Bench) -> None:
        """``command`` is the main process, word for word, without a shell in between."""
        workspace = bench.start(
            command=[
                "sh",
                "-c",
                'for word in "$@"; do echo "<$word>"; done; echo end; sleep infinity',
                "sh",
                "a b",
                "$c",
            ],
        )
        assert bench.await_log(workspace, b"end\n") == b"<a b>\n<$c>\nend\n"

    def test_start_replaces_the_entrypoint(self, bench: Bench) -> None:
        """``entrypoint`` replaces the image's, and ``command`` gives its arguments."""
        workspace = bench.start(entrypoint=["sh", "-c"], command=["echo replaced; sleep infinity"])
        bench.await_log(workspace, b"replaced\n")

    def test_start_keeps_alive_under_any_entrypoint(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Without a command the workspace stays, whatever entrypoint and command the image has."""
        require(runtime, "build")
        image = bench.build('FROM IMAGE\nENTRYPOINT ["false"]\nCMD ["--help"]\n')
        workspace = bench.start(image_name=image, ready=Command(["true"]))
        assert bench.sh(workspace, "echo alive") == "alive\n"

    def test_start_adds_host_names(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """``extra_hosts`` end up in /etc/hosts."""
        require(runtime, "extra_hosts")
        workspace = bench.start(extra_hosts={"db.test": "192.0.2.7"})
        lines = [line.split() for line in bench.sh(workspace, "cat /etc/hosts").splitlines()]
        assert ["192.0.2.7", "db.test"] in lines

    def test_start_tells_its_progress(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The caller hears of the stages, by the workspace's name."""
        heard: list[ProgressEvent] = []
        options = bench.options()
        runtime.start_workspace(options, heard.append)
        assert heard
        assert all(event.step for event in heard)
        assert any(options.name in event.step for event in heard)

    # A second start

    def test_start_again_changes_nothing(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A running workspace with the same options is returned as it is, whatever ``on_drift`` says."""
        options = bench.options(env={"A": "1"}, command=["sh", "-c", "sleep infinity"])
        workspace = runtime.start_workspace(options)
        before = bench.info(workspace)
        assert runtime.start_workspace(options) == workspace
        for on_drift in ("recreate", "reuse", "error"):
            same = StartOptions(
                image_name=options.image_name,
                workspace_name=options.workspace_name,
                env={"A": "1"},
                command=["sh", "-c", "sleep infinity"],
                on_drift=on_drift,
                owner="somebody else",
                ttl=60,
            )
            assert runtime.start_workspace(same) == workspace
        assert bench.info(workspace) == before

    def test_start_brings_a_stopped_one_back(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A stopped workspace is started again, with what was written in it."""
        options = bench.options()
        workspace = runtime.start_workspace(options)
        bench.sh(workspace, "echo kept > /tmp/file")
        runtime.stop_workspace(workspace)
        assert runtime.start_workspace(options) == workspace
        assert bench.info(workspace).status is WorkspaceStatus.RUNNING
        assert bench.sh(workspace, "cat /tmp/file") == "kept\n"

    def test_start_brings_a_killed_one_back(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """One that somebody else killed is started again."""
        options = bench.options()
        events = bench.events()
        workspace = runtime.start_workspace(options)
        bench.subject.outside.kill(workspace)
        events.wait_for(EventKind.STOPPED, workspace)
        assert runtime.start_workspace(options) == workspace
        assert bench.info(workspace).status is WorkspaceStatus.RUNNING

    def test_start_resumes_a_paused_one(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """One that somebody else paused is resumed: its processes go on where they were."""
        require(runtime, "pause")
        options = bench.options()
        workspace = runtime.start_workspace(options)
        before = bench.info(workspace)
        bench.subject.outside.pause(workspace)
        assert runtime.start_workspace(options) == workspace
        assert bench.info(workspace) == before

    def test_ensure_gives_the_workspace_as_it_runs(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Made, found running or started again: what is returned is what a look would tell."""
        options = bench.options(ports=[Port(8080)] if runtime.capabilities.ports else [])
        made = runtime.ensure_workspace(options, timeout=LIMIT)
        assert made == bench.info(made.id)
        assert made.status is WorkspaceStatus.RUNNING
        assert made.ports.keys() == {port.key for port in options.ports}
        assert runtime.ensure_workspace(options, timeout=LIMIT) == made
        runtime.stop_workspace(made.id)
        again = runtime.ensure_workspace(options, timeout=LIMIT)
        assert again == bench.info(made.id)
        other = dataclasses.replace(options, env={"OTHER": "1"})
        replaced = runtime.ensure_workspace(other, timeout=LIMIT)
        assert replaced == bench.info(options.name)
        assert replaced.id != made.id

    # One that exists, as it is

    def test_existing_is_started_as_it_is(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Stopped and started with the options it was made with; a running one is no error."""
        workspace = bench.start(env={"KEPT": "yes"})
        bench.sh(workspace, "echo kept > /tmp/file")
        runtime.stop_workspace(workspace)
        started = runtime.start_existing_workspace(workspace, timeout=LIMIT)
        assert started == bench.info(workspace)
        assert started.status is WorkspaceStatus.RUNNING
        assert bench.sh(workspace, 'cat /tmp/file; echo "$KEPT"') == "kept\nyes\n"
        assert runtime.start_existing_workspace(started.name, timeout=LIMIT) == started

    def test_existing_is_resumed(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A paused one goes on where it was."""
        require(runtime, "pause")
        workspace = bench.start()
        before = bench.info(workspace)
        bench.subject.outside.pause(workspace)
        assert runtime.start_existing_workspace(workspace, timeout=LIMIT) == before

    def test_existing_makes_nothing(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Where there is none, there is none afterwards; somebody else's is not touched."""
        options = bench.options()
        with pytest.raises(WorkspaceNotFoundError) as caught:
            runtime.start_existing_workspace(options.name, timeout=LIMIT)
        assert_typed(caught.value, runtime, "start_existing_workspace")
        bench.assert_nothing_of(options)
        theirs = bench.name()
        bench.foreign(theirs)
        with pytest.raises(WorkspaceNotFoundError):
            runtime.start_existing_workspace(theirs, timeout=LIMIT)

    def test_start_starts_one_that_never_ran(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A container of ours that was made and never started, as a crash leaves it, is started."""
        options = bench.options(on_drift="reuse")
        labels = {**options.identity.labels(), IMAGE: options.image_name, OWNER: bench.owner}
        workspace = bench.outsider(
            bench.subject.outside.create_unstarted(options.name, labels), "nothing here is made without being started"
        )
        assert runtime.get_workspace_status(workspace) is WorkspaceStatus.CREATED
        assert runtime.start_workspace(options) == workspace
        assert runtime.get_workspace_status(workspace) is WorkspaceStatus.RUNNING

    # What leaves nothing

    @pytest.mark.parametrize("pull", ["missing", "never"])
    def test_start_of_a_missing_image_leaves_nothing(self, runtime: ContainerRuntime, bench: Bench, pull: str) -> None:
        """An image that is neither here nor to be had is `ImageNotFoundError`."""
        options = bench.options(image_name=MISSING_IMAGE, pull=pull)
        with pytest.raises(ImageNotFoundError, match=MISSING_IMAGE) as caught:
            runtime.start_workspace(options)
        assert_typed(caught.value, runtime, "start_workspace")
        bench.assert_nothing_of(options)

    def test_start_of_what_dies_leaves_nothing_but_its_last_words(
        self, runtime: ContainerRuntime, bench: Bench
    ) -> None:
        """A command that ends before it is ready is `WorkspaceNotRunningError` with its last log lines."""
        options = bench.options(
            command=["sh", "-c", "echo looking for luck; echo no luck >&2; exit 3"], ready=LogLine("^found$")
        )
        with pytest.raises(WorkspaceNotRunningError, match="exit code 3") as caught:
            runtime.start_workspace(options, timeout=LIMIT)
        assert_typed(caught.value, runtime, "start_workspace")
        assert sorted(caught.value.logs.splitlines()) == ["looking for luck", "no luck"]
        bench.assert_nothing_of(options)

    def test_start_of_a_missing_command_leaves_nothing(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A main process that is not in the image is an error, and the container is gone."""
        options = bench.options(command=["/no/such/program"], ready=Command(["true"]))
        with pytest.raises(DvmError) as caught:
            runtime.start_workspace(options, timeout=LIMIT)
        assert_typed(caught.value, runtime, "start_workspace")
        assert "/no/such/program" in f"{caught.value} {caught.value.detail} {caught.value.logs}"
        bench.assert_nothing_of(options)

    def test_start_refuses_an_env_file_that_is_not_there(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What cannot be read on this machine is refused before the engine is asked."""
        options = bench.options(env_file=bench.folder() / "missing.env")
        with pytest.raises(InvalidOptionError, match="env_file"):
            runtime.start_workspace(options)
        bench.assert_nothing_of(options)
