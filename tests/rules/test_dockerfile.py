"""Dockerfiles: instructions, their arguments, and what needs BuildKit."""

from __future__ import annotations

import pytest

from dvm_runtimes.builds.dockerfile import DockerfileError, expand, needs_buildkit, parse, read_instructions


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
        ("FROM a\nRUN --mont=x make", "line 2: RUN: unknown flag: --mont"),
    ],
)
def test_what_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(DockerfileError, match=reason):
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
    check = parse(f"FROM a\n{text}")[1].health_check(("/bin/sh", "-c"))
    assert check is not None
    assert (check.command, check.interval) == (command, interval)


def test_health_checks_that_are_none() -> None:
    assert parse("FROM a\nHEALTHCHECK NONE")[1].health_check(()) is None
    for text in ("HEALTHCHECK true", "HEALTHCHECK CMD", "HEALTHCHECK --interval=fast CMD x"):
        with pytest.raises(DockerfileError, match="HEALTHCHECK"):
            parse(f"FROM a\n{text}")[1].health_check(())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FROM a\nRUN make\nCOPY a b\nADD --chown=1 a b\n", []),
        ("FROM a\nRUN --mount=type=cache,target=/x make\n", ["RUN --mount (line 2)"]),
        ("FROM a\nRUN \\\n  # a comment\n  --network=none make\n", ["RUN --network (line 2)"]),
        ("FROM a\nRUN make --mount=x\n", []),
        ("FROM a\nCOPY --link --chmod=755 a b\n", ["COPY --link (line 2)", "COPY --chmod (line 2)"]),
        ("FROM a\nCOPY --from=b --chown=1:1 a b\n", []),
        ("FROM a\nADD --checksum=sha256:1 http://x y\n", ["ADD --checksum (line 2)"]),
        (
            "FROM a\nRUN <<EOF\nRUN --mount=x\nEOF\nRUN --security=insecure x\n",
            ["a heredoc (line 2)", "RUN --security (line 5)"],
        ),
        ("FROM a\nCOPY <<-'one' <<two /x/\n\ta\n\tone\nb\ntwo\nRUN make\n", ["a heredoc (line 2)"]),
        ("FROM a\nRUN echo $((1<<2)) && x <<< y\n", []),
        ("FROM a\nRUN cat <<never\nRUN --mount=x y\n", ["RUN --mount (line 3)"]),
        ("# escape=`\nFROM a\nRUN echo `\n  --mount=x\n", []),
        ("# syntax=docker/dockerfile:1\nfrom a\nrun --mount=type=ssh x\n", ["RUN --mount (line 3)"]),
        ("# RUN --mount=x\n\nFROM a\n", []),
    ],
)
def test_what_only_buildkit_can_do_is_named(text: str, wanted: list[str]) -> None:
    assert needs_buildkit(text) == wanted


def test_instructions_have_their_lines() -> None:
    found = read_instructions("\ufeffFROM a\n\nRUN b \\\n\n  && c\nCMD d\n")
    assert [(one.keyword, one.text, one.line) for one in found] == [
        ("FROM", "a", 1),
        ("RUN", "b && c", 3),
        ("CMD", "d", 6),
    ]
