"""Markers that mean nothing are refused before anything is started."""

from __future__ import annotations

import pytest

from .project import Project


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ('"debian:12"', "mark.dvm='debian:12': takes keywords only"),
        ("imgae='debian:12'", "unknown keyword"),
        ("ready=80", "ready=80: must be one wait strategy"),
    ],
)
def test_an_argument_without_a_meaning(project: Project, marker: str, text: str) -> None:
    project.write(
        "test_it.py",
        f"""
        import pytest

        @pytest.mark.dvm({marker})
        def test_it(dvm_workspace):
            pass
        """,
    )
    outcome = project.run()

    assert outcome.counts() == {"error": 1}, outcome.output
    assert text in outcome.output
    assert "Traceback" not in outcome.output


def test_a_marker_does_not_change_the_session_s_workspace(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.dvm(env={"A": "1"})
        def test_it(dvm_session_workspace):
            pass
        """,
    )
    outcome = project.run()

    assert outcome.counts() == {"error": 1}, outcome.output
    assert "override the fixture dvm_session_options" in outcome.output


def test_logs_are_followed_in_async_tests(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        COMMAND = ["sh", "-c", "echo one; echo two; exec sleep 1000"]
        pytestmark = [pytest.mark.asyncio, pytest.mark.dvm(command=COMMAND)]

        async def test_until_enough_is_seen(dvm_workspace):
            seen = b""
            async for piece in dvm_workspace.follow_logs():
                seen += piece
                if b"two" in seen:
                    break
            assert seen == b"one\\ntwo\\n"

        async def test_until_the_end(dvm_workspace):
            async def read():
                return b"".join([piece async for piece in dvm_workspace.follow_logs()])

            reading = asyncio.create_task(read())
            await dvm_workspace.stop(grace=1)
            assert await reading == b"one\\ntwo\\n"

        async def test_cancelled(dvm_workspace):
            async def read():
                async for _ in dvm_workspace.follow_logs():
                    began.set()

            began = asyncio.Event()
            reading = asyncio.create_task(read())
            await began.wait()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        """,
    )
    outcome = project.run()

    assert outcome.counts() == {"passed": 3}, outcome.output
