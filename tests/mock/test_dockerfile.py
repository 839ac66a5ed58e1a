"""Dockerfiles as the mock reads and builds them, beyond what every engine's builds are tested for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dvm_runtimes import BuildError, BuildOptions, ImageInfo, StartOptions, UnsupportedError
from dvm_runtimes.engines.mock import MockEngine, MockRuntime
from dvm_runtimes.engines.mock.dockerfile import DockerfileProblem, expand, health_check, parse

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


@pytest.mark.parametrize(
    ("text", "instructions"),
    [
        ("from a\nrun b", ["FROM a", "RUN b"]),
        ("# c\n\nARG A=1\nFROM a$A\n", ["ARG A=1", "FROM a$A"]),
        ("FROM a\nRUN a \\\n  # between\n  b \\\n\n  c", ["FROM a", "RUN a b c"]),
        ("FROM a\nRUN a \\", ["FROM a", "RUN a"]),
        ("FROM --platform=x a AS b\nCOPY --chown=1:1 --from=b /x /y", None),
        ('FROM a\nCMD ["--flag"]\nENTRYPOINT --x', ["FROM a", 'CMD ["--flag"]', "ENTRYPOINT --x"]),
    ],
)
def test_instructions(text: str, instructions: list[str] | None) -> None:
    found = [str(one) for one in parse(text)]
    assert found == (instructions if instructions is not None else text.splitlines())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no instructions"),
        ("ARG A", "begins with FROM"),
        ("RUN x\nFROM a", "line 1: RUN: a Dockerfile begins with FROM"),
        ("FROM a\n\nFLY away", "line 3: unknown instruction: FLY"),
        ("FROM a\nRUN", "line 2: RUN: needs an argument"),
        ("FROM a\nRUN <<EOF\nx\nEOF", "here-documents need BuildKit"),
    ],
)
def test_what_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(DockerfileProblem, match=reason):
        parse(text)


def test_variables() -> None:
    known = {"A": "a", "E": ""}
    text = r"$A ${A}b ${N} ${N:-x} ${E:-y} ${A:+z} ${N:+z} \$A $"
    assert expand(text, known) == "a ab  x y z  $A $"


@pytest.mark.parametrize(
    ("text", "command", "interval"),
    [
        ("HEALTHCHECK CMD true", ("/bin/sh", "-c", "true"), 30.0),
        ('HEALTHCHECK --interval=1m30s --retries=2 CMD ["a", "b"]', ("a", "b"), 90.0),
        ("HEALTHCHECK --interval=500ms --start-period=1h CMD x", ("/bin/sh", "-c", "x"), 0.5),
    ],
)
def test_health_checks(text: str, command: tuple[str, ...], interval: float) -> None:
    check = health_check(parse(f"FROM a\n{text}")[1], ("/bin/sh", "-c"))
    assert check is not None
    assert (check.command, check.interval) == (command, interval)


def test_health_checks_that_are_none() -> None:
    assert health_check(parse("FROM a\nHEALTHCHECK NONE")[1], ()) is None
    for text in ("HEALTHCHECK true", "HEALTHCHECK CMD", "HEALTHCHECK --interval=fast CMD x"):
        with pytest.raises(DockerfileProblem, match="HEALTHCHECK"):
            health_check(parse(f"FROM a\n{text}")[1], ())


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
        "COPY --chown=dev:dev --chmod=750 a owned\nCOPY --from=lab/other:1 /etc/other /other\nCOPY dir/../a /up\n"
    )
    runtime.mock.add_image("lab/other:1", files={"/etc/other": "other"})
    build(text, {"a": "a", "b": "b", "x.txt": "x", "y.txt": "y", "dir/in": "in", "dir/deep/er": "er"})
    script = "cd /app; cat renamed d/a many/a many/b texts/x.txt texts/y.txt in deep/er new/in new/deep/er /other /up"
    assert inside(runtime, f"{script}; echo; stat -c '%U %a' owned") == "aaabxyinerinerothera\ndev 750\n"


@pytest.mark.parametrize(
    "text",
    [
        "FROM mock AS",
        "FROM mock\nRUN --mount=type=cache,target=/x true",
        "FROM mock\nCOPY --link a /",
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
    for options in ({"secrets": {"token": tmp_path / "token"}}, {"ssh": ["default"]}):
        with pytest.raises(UnsupportedError, match="no secrets"):
            build("FROM mock\n", **options)


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
