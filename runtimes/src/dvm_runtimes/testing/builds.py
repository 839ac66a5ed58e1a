"""Builds: from a Dockerfile and its context to an image, with its steps told and its failures explained."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import pytest

from dvm_runtimes.errors import BuildError, InvalidOptionError, OperationCancelledError, OperationTimeoutError
from dvm_runtimes.infos import ProgressEvent, WorkspaceStatus
from dvm_runtimes.operation import CancelToken
from dvm_runtimes.options import BuildOptions
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, Bench, ConformanceCase, assert_typed, require


class BuildConformance(ConformanceCase):
    """An image is what its Dockerfile says, or an error that says why not."""

    @pytest.fixture(autouse=True)
    def builder(self, runtime: ContainerRuntime) -> None:
        """Every test of this part needs an engine that builds."""
        require(runtime, "build")

    def options(self, bench: Bench, text: str = "", **changes: Any) -> BuildOptions:
        """The options of a build, of a Dockerfile of that text; its image is removed in the end."""
        given: dict[str, Any] = {"image_name": bench.own_image(f"dvm-conformance/{bench.name()}:1")}
        if text or not changes:
            given["app_path"] = bench.context(text)
        return BuildOptions(**(given | changes))

    def test_build_makes_the_image(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """It has its names, its configuration and its files."""
        dockerfile = (
            "FROM IMAGE\nENV COLOUR=red GREETING='good day'\nLABEL team=blue\nWORKDIR /app\n"
            'COPY sub/ .\nCOPY script.sh /bin/script\nRUN echo made by $COLOUR > made\nCMD ["sleep", "600"]\n'
        )
        context = bench.context(dockerfile, {"sub/file": "text\n", "script.sh": "#!/bin/sh\necho it runs\n"})
        (context / "script.sh").chmod(0o755)
        tag = bench.own_image(f"dvm-conformance/{bench.name()}:2")
        options = self.options(bench, app_path=context, app_name="shop", tags=[tag])
        image = runtime.build_image(options, timeout=LIMIT)
        assert {options.image_name, tag} <= set(image.tags)
        assert image.id.startswith("sha256:")
        assert (image.working_dir, image.command) == ("/app", ("sleep", "600"))
        assert {"COLOUR=red", "GREETING=good day"} <= set(image.env)
        assert (image.labels["team"], image.labels["io.devopsmaestro.app"]) == ("blue", "shop")
        workspace = bench.start(image_name=tag)
        assert bench.sh(workspace, "cat /app/file /app/made; script") == "text\nmade by red\nit runs\n"

    def test_build_tells_its_steps(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """One event a step, in order, with its number; the output of a step is among its events."""
        word = secrets.token_hex(4)
        heard: list[ProgressEvent] = []
        options = self.options(bench, f"FROM IMAGE\nENV A=b\nRUN echo {word}; echo more\n")
        runtime.build_image(options, heard.append, timeout=LIMIT)
        steps = [event for event in heard if event.current is not None and not event.message]
        assert [event.current for event in steps] == sorted({event.current for event in steps if event.current})
        assert {event.total for event in steps} == {steps[-1].current}
        assert any(f"RUN echo {word}" in event.step for event in steps)
        assert word in [event.message.strip() for event in heard]

    def test_build_does_not_repeat_itself(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What is unchanged comes from the cache, unless that is not wanted."""
        word = secrets.token_hex(4)
        context = bench.context(f"FROM IMAGE\nCOPY file /file\nRUN echo {word}\n", {"file": "1"})

        def ran(**changes: Any) -> bool:
            heard: list[ProgressEvent] = []
            options = self.options(bench, app_path=context, **changes)
            runtime.build_image(options, heard.append, timeout=LIMIT)
            return word in [event.message.strip() for event in heard]

        assert ran()
        assert not ran()
        assert ran(no_cache=True)
        (context / "file").write_text("2")
        assert ran()

    def test_build_takes_arguments(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """``build_args`` replace the defaults, and are nothing to a step that has no ARG of that name."""
        dockerfile = "FROM IMAGE\nARG FIRST=one\nARG SECOND=two\nRUN echo $FIRST $SECOND $THIRD > /said\n"
        image = bench.build(dockerfile, build_args={"SECOND": "a b", "THIRD": "three"})
        workspace = bench.start(image_name=image)
        assert bench.sh(workspace, "cat /said; printenv SECOND || echo gone") == "one a b\ngone\n"

    def test_build_has_stages(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """One stage takes files from another, and ``target`` ends with the stage of that name."""
        dockerfile = (
            "FROM IMAGE AS first\nRUN echo first > /said\n"
            "FROM IMAGE AS second\nCOPY --from=first /said /copied\n"
            "FROM IMAGE\nCOPY --from=second /copied /last\n"
        )
        whole, part = bench.build(dockerfile), bench.build(dockerfile, target="second")
        assert bench.sh(bench.start(image_name=whole), "ls /last /copied 2>/dev/null || true") == "/last\n"
        assert bench.sh(bench.start(image_name=part), "ls /last /copied 2>/dev/null || true") == "/copied\n"

    def test_build_honours_dockerignore(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What is left out does not reach the engine; exceptions do."""
        files = {
            ".dockerignore": "# a comment\n*.log\n!keep.log\nsecret/\n**/cache\nsub/*\n!sub/kept\n",
            **dict.fromkeys(("a.log", "keep.log", "secret/key", "deep/down/cache/x", "deep/down/y", "sub/no"), "x"),
            "sub/kept": "x",
        }
        image = bench.build("FROM IMAGE\nCOPY . /context/\n", files=files)
        listed = bench.sh(bench.start(image_name=image), "cd /context && ls -A . deep/down sub")
        assert {"keep.log", "y", "kept"} <= set(listed.split())
        assert not {"a.log", "secret", "cache", "no"} & set(listed.split())

    def test_build_prefers_the_rules_beside_the_dockerfile(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """``<Dockerfile>.dockerignore`` replaces the context's own rules."""
        files = {".dockerignore": "kept\n", "Dev.dockerignore": "dropped\n", "kept": "", "dropped": ""}
        context = bench.context("", files)
        (context / "Dev").write_text(f"FROM {bench.subject.image}\nCOPY . /context/\n")
        options = self.options(bench, app_path=context, dockerfile="Dev")
        runtime.build_image(options, timeout=LIMIT)
        workspace = bench.start(image_name=options.image_name)
        assert bench.sh(workspace, "cd /context && ls kept; ls dropped 2>/dev/null; true") == "kept\n"

    def test_build_and_workspace_have_the_users_proxies(
        self, runtime: ContainerRuntime, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Those of Docker's config.json, unless others are given; the image does not keep them."""
        folder = bench.folder()
        entry = {"httpProxy": "http://127.0.0.1:9", "noProxy": "localhost"}
        (folder / "config.json").write_text(json.dumps({"proxies": {"default": entry}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(folder))
        text = "FROM IMAGE\nRUN echo $HTTP_PROXY $http_proxy $NO_PROXY > /proxies\n"
        options = self.options(bench, app_path=bench.context(text), build_args={"NO_PROXY": "other"})
        image = runtime.build_image(options, timeout=LIMIT)
        assert not [value for value in image.env if "PROXY" in value.upper()]
        workspace = bench.start(image_name=options.image_name, env={"NO_PROXY": "mine"})
        shown = bench.sh(workspace, "cat /proxies; echo $HTTP_PROXY $http_proxy $NO_PROXY $no_proxy")
        proxy = entry["httpProxy"]
        assert shown == f"{proxy} {proxy} other\n{proxy} {proxy} mine localhost\n"

    @pytest.mark.parametrize("absolute", [True, False])
    def test_build_takes_a_dockerfile_from_anywhere(
        self, runtime: ContainerRuntime, bench: Bench, absolute: bool
    ) -> None:
        """The Dockerfile may lie outside the context, or below it under another name."""
        context = bench.context("FROM no-such-image\n", {"file": "text\n", "docker/Other": "x"})
        other = (bench.folder() if absolute else context / "docker") / "Other"
        other.write_text(f"FROM {bench.subject.image}\nCOPY file /file\n")
        dockerfile = other if absolute else Path("docker/Other")
        options = self.options(bench, build_context=context, dockerfile=dockerfile)
        runtime.build_image(options, timeout=LIMIT)
        assert bench.sh(bench.start(image_name=options.image_name), "cat /file") == "text\n"

    def test_build_keeps_modes_and_links(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Files arrive as they are on this host, but owned by root."""
        context = bench.context("FROM IMAGE\nCOPY . /context/\n", {"file": "x", "run": "x"})
        (context / "file").chmod(0o640)
        (context / "run").chmod(0o751)
        (context / "link").symlink_to("file")
        options = self.options(bench, app_path=context)
        runtime.build_image(options, timeout=LIMIT)
        workspace = bench.start(image_name=options.image_name)
        shown = bench.sh(workspace, "cd /context; stat -c '%a %u:%g' file run; [ -L link ] && cat link", uid=0, gid=0)
        assert shown == "640 0:0\n751 0:0\nx"

    def test_built_images_mark_no_container(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What somebody else runs from an image that we built is not ours: containers inherit an image's labels."""
        image = bench.build("FROM IMAGE\n", app_name="shop")
        foreign = bench.foreign(bench.name(), image)
        assert runtime.find_workspace(foreign) is None
        assert foreign not in [info.id for info in runtime.list_workspaces()]
        assert runtime.get_workspace_status(foreign) is WorkspaceStatus.NOT_FOUND

    # What fails

    def test_build_that_fails_says_why(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """`BuildError` has the step and its last lines, but no build argument; there is no image."""
        options = self.options(
            bench,
            "FROM IMAGE\nARG TOKEN\nRUN echo looking for luck; echo no luck >&2; exit 3\nRUN echo never\n",
            build_args={"TOKEN": "hunter2-secret"},
        )
        heard: list[ProgressEvent] = []
        with pytest.raises(BuildError, match="exit 3") as caught:
            runtime.build_image(options, heard.append, timeout=LIMIT)
        assert_typed(caught.value, runtime, "build_image")
        assert "looking for luck" in caught.value.logs
        assert "no luck" in caught.value.logs
        assert "hunter2" not in f"{caught.value.to_dict()} {heard}"
        assert not any("RUN echo never" in event.step for event in heard)
        assert not runtime.image_exists(options.image_name)

    @pytest.mark.parametrize(
        "dockerfile",
        [
            "",
            "# only a comment\n",
            "FORM IMAGE\n",
            "RUN true\n",
            "FROM IMAGE\nCOPY no-such-file /\n",
            "FROM 127.0.0.1:1/no-such:1\n",
            "FROM IMAGE\nCOPY --from=nowhere.invalid/no-such:1 /a /b\n",
        ],
    )
    def test_build_of_what_cannot_be_built(self, runtime: ContainerRuntime, bench: Bench, dockerfile: str) -> None:
        """An empty or broken Dockerfile, a missing file or base image: `BuildError`, and no image."""
        options = self.options(bench, dockerfile)
        with pytest.raises(BuildError) as caught:
            runtime.build_image(options, timeout=LIMIT)
        assert_typed(caught.value, runtime, "build_image")
        assert not runtime.image_exists(options.image_name)

    def test_build_of_a_missing_stage(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A ``target`` that the Dockerfile does not have is `BuildError`."""
        with pytest.raises(BuildError, match="nowhere"):
            runtime.build_image(self.options(bench, "FROM IMAGE\n", target="nowhere"), timeout=LIMIT)

    def test_build_needs_its_files(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A folder, Dockerfile or secret that is not there is refused before the engine is asked."""
        context = bench.context("FROM IMAGE\n")
        missing = context / "missing"
        wrong: dict[str, dict[str, Any]] = {
            "build_context": {"build_context": missing},
            "dockerfile": {"app_path": context, "dockerfile": missing},
            "secrets": {"app_path": context, "secrets": {"token": os.fspath(missing)}},
        }
        for field, changes in wrong.items():
            with pytest.raises(InvalidOptionError, match=field):
                runtime.build_image(self.options(bench, **changes))

    def test_build_can_be_cancelled(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The engine's work ends too, and there is no image."""
        cancel = CancelToken()
        options = self.options(bench, f"FROM IMAGE\nRUN echo {secrets.token_hex(4)} began; sleep 600\n")

        def hear(event: ProgressEvent) -> None:
            if event.message.strip().endswith("began"):
                cancel.set()

        with pytest.raises(OperationCancelledError) as caught:
            runtime.build_image(options, hear, timeout=LIMIT, cancel=cancel)
        assert_typed(caught.value, runtime, "build_image", hint=False)
        assert not runtime.image_exists(options.image_name)

    def test_build_that_takes_too_long(self, runtime: ContainerRuntime, bench: Bench, patience: float) -> None:
        """`OperationTimeoutError` names the image."""
        options = self.options(bench, f"FROM IMAGE\nRUN echo {secrets.token_hex(4)}; sleep 600\n")
        with pytest.raises(OperationTimeoutError, match=options.image_name) as caught:
            runtime.build_image(options, timeout=patience)
        assert_typed(caught.value, runtime, "build_image")
        assert not runtime.image_exists(options.image_name)
