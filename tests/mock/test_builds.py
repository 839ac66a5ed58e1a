"""Builds of the mock, beyond what every engine's builds are tested for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dvm_runtimes import BuildError, BuildOptions, ImageInfo, StartOptions, UnsupportedError
from dvm_runtimes.engines.mock import MockEngine, MockRuntime

Build = Callable[..., ImageInfo]


@pytest.fixture
def build(runtime: MockRuntime, tmp_path: Path) -> Build:
    """Builds a Dockerfile of that text, with these files in its context."""

    def build(text: str, files: dict[str, str] | None = None, **options: Any) -> ImageInfo:
        for name, content in {**(files or {}), "Dockerfile": text}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        return runtime.build_image(BuildOptions(image_name="lab/built:1", app_path=tmp_path, **options), timeout=60)

    return build


def inside(runtime: MockRuntime, script: str) -> str:
    workspace = runtime.start_workspace(StartOptions(image_name="lab/built:1", workspace_name="dev"))
    result = runtime.exec_in_workspace(workspace, ["sh", "-c", script], timeout=60)
    assert (result.exit_code, result.stderr) == (0, b"")
    return result.stdout.decode()


def test_configuration_is_inherited(build: Build, runtime: MockRuntime) -> None:
    text = (
        "ARG BASE=mock\nFROM $BASE AS base\nENV A=1\nLABEL l=1\nUSER dev\nWORKDIR /srv\nWORKDIR app\nVOLUME /data\n"
        "EXPOSE 80\nSTOPSIGNAL TERM\nMAINTAINER me\nENV OLD style of ENV\nCMD first\n"
        'FROM base\nENTRYPOINT ["sh"]\nSHELL ["/bin/sh", "-e", "-c"]\nCMD echo $A\nENV B=${A}2 C=$B\n'
    )
    image = build(text)
    assert (image.entrypoint, image.command) == (("sh",), ("/bin/sh", "-e", "-c", "echo $A"))
    assert (image.user, image.working_dir) == ("dev", "/srv/app")
    assert {"A=1", "B=12", "C=", "OLD=style of ENV"} <= set(image.env)
    assert image.labels["l"] == "1"
    assert inside(runtime, "stat -c %U /srv/app") == "root\n"


def test_arguments_have_their_scope(build: Build, runtime: MockRuntime) -> None:
    text = (
        "ARG GLOBAL=g\nFROM mock\nARG GLOBAL\nARG D=${GLOBAL}d\nRUN echo $GLOBAL $D $X > /one\n"
        'FROM mock\nCOPY --from=0 /one /one\nRUN echo "<$GLOBAL>" > /two\n'
    )
    build(text, build_args={"X": "not declared"})
    assert inside(runtime, "cat /one /two") == "g gd\n<>\n"


def test_copies_go_where_docker_puts_them(build: Build, runtime: MockRuntime) -> None:
    text = (
        "FROM mock\nWORKDIR /app\nCOPY a renamed\nCOPY a d/\nCOPY a b many/\n"
        "COPY *.txt texts/\nADD dir .\nCOPY dir new\n"
        "COPY --chown=dev:dev a owned\nCOPY --from=lab/other:1 /etc/other /other\nCOPY dir/../a /up\n"
    )
    runtime.mock.add_image("lab/other:1", files={"/etc/other": "other"})
    build(text, {"a": "a", "b": "b", "x.txt": "x", "y.txt": "y", "dir/in": "in", "dir/deep/er": "er"})
    script = "cd /app; cat renamed d/a many/a many/b texts/x.txt texts/y.txt in deep/er new/in new/deep/er /other /up"
    assert inside(runtime, f"{script}; echo; stat -c '%U %a' owned") == "aaabxyinerinerothera\ndev 644\n"


@pytest.mark.parametrize(
    "text",
    [
        "FROM mock AS",
        "FROM mock\nONBUILD RUN true",
        "FROM mock\nCOPY --lonk a /",
        "FROM mock\nCOPY only",
        "FROM mock\nCOPY 'a /",
        "FROM mock\nADD http://example.test/x /",
        "FROM mock\nADD x.tar.gz /",
        "FROM mock\nENV =x",
        "FROM mock\nLABEL a=1 b",
        "FROM mock\nSHELL sh",
        "FROM mock\nUSER nobody-such\nRUN true",
        'FROM mock\nRUN ["no-such-program"]',
        "FROM scratch\nRUN true",
        "FROM mock\nCOPY --chown=nobody-such a /",
        "FROM mock\nHEALTHCHECK maybe",
    ],
)
def test_what_cannot_be_built(build: Build, runtime: MockRuntime, text: str) -> None:
    with pytest.raises(BuildError) as caught:
        build(text, {"a": "a"})
    assert caught.value.logs
    assert not runtime.image_exists("lab/built:1")


def test_nothing_but_files_from_scratch(build: Build, runtime: MockRuntime) -> None:
    assert build("FROM scratch\nCOPY a /a\n", {"a": "abc"}).size == 3


def test_what_needs_buildkit_is_refused(build: Build, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("", {"secrets": {"token": tmp_path / "token"}}, "build secrets"),
        ("", {"ssh": ["default"]}, "SSH agents"),
        ("RUN --mount=type=cache,target=/x true", {}, r"RUN --mount \(line 2\)"),
        ("COPY <<EOF /x\nx\nEOF", {}, r"a heredoc \(line 2\)"),
    ]
    for line, options, reason in cases:
        with pytest.raises(UnsupportedError, match=f"cannot do {reason}"):
            build(f"FROM mock\n{line}\n", **options)


def test_a_base_is_pulled_when_it_is_missing_or_asked_for(build: Build, runtime: MockRuntime) -> None:
    old = runtime.mock.add_image("registry.test/base:1", labels={"age": "old"})
    runtime.mock.add_pullable("registry.test/base:1", labels={"age": "new"})
    assert build("FROM registry.test/base:1\n").labels["age"] == "old"
    assert build("FROM registry.test/base:1\n", pull=True).labels["age"] == "new"
    assert old
    runtime.mock.add_pullable("registry.test/missing:1", labels={"age": "pulled"})
    assert build("FROM registry.test/missing:1\n").labels["age"] == "pulled"


def test_a_build_leaves_no_container(build: Build, runtime: MockRuntime) -> None:
    with pytest.raises(BuildError):
        build("FROM mock\nRUN sleep 600 & false\n")
    engine = runtime.engine
    assert isinstance(engine, MockEngine)
    assert engine.world.containers == {}
