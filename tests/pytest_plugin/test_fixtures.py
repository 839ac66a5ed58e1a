"""What the fixtures give, on the mock."""

from __future__ import annotations

from .project import Project


def test_a_workspace_and_all_that_it_can_do(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import pytest
        from dvm_runtimes import LogLine, WorkspaceNotFoundError

        def test_it(dvm_workspace, dvm_runtime, tmp_path):
            assert dvm_runtime.runtime_type == "mock"
            assert dvm_workspace.status == "running"
            assert dvm_workspace.info.name == dvm_workspace.name
            assert dvm_workspace.runtime is dvm_runtime
            assert dvm_workspace.name in repr(dvm_workspace)
            assert dvm_workspace.exec("echo $0; cat", input="in", env={"A": "1"}).stdout.endswith(b"in")
            assert dvm_workspace.exec(["pwd"], cwd="/tmp").stdout == b"/tmp\\n"
            (tmp_path / "file").write_text("content")
            dvm_workspace.copy_to(tmp_path / "file", "/tmp/copied")
            assert dvm_workspace.copy_from("/tmp/copied", tmp_path / "back").read_text() == "content"
            with dvm_workspace.terminal() as terminal:
                terminal.sendline("echo $((6*7))")
                terminal.expect("42")
            dvm_workspace.stop()
            assert dvm_workspace.status == "exited"
            dvm_workspace.start()
            dvm_workspace.restart()
            assert dvm_workspace.exec("cat /tmp/copied").stdout == b"content"

        @pytest.mark.dvm(command=["sh", "-c", "echo up; sleep 100"], ready=LogLine("up"))
        def test_logs(dvm_workspace):
            assert dvm_workspace.logs() == "up\\n"
            assert next(dvm_workspace.follow_logs()) == b"up\\n"

        @pytest.mark.dvm(ports=[8000], command=["sh", "-c", "echo '<p>hi' > /tmp/index.html; httpd -f -p 8000 -h /tmp"])
        def test_ports(dvm_workspace):
            assert dvm_workspace.port(8000).host == "127.0.0.1"
            assert dvm_workspace.port("8000/tcp").port > 0
            with pytest.raises(KeyError, match="8000/tcp.*ports=.9."):
                dvm_workspace.port(9)

        seen = []

        def test_each_test_has_its_own(dvm_workspace):
            seen.append(dvm_workspace)

        def test_and_the_last_one_is_of_no_more_use(dvm_workspace):
            with pytest.raises(WorkspaceNotFoundError, match="test-that-has-ended"):
                seen[0].exec("true")
            assert "ended" in seen[0].id

        def test_gone(dvm_workspace, dvm_runtime):
            dvm_runtime.remove_workspace(dvm_workspace.id, force=True)
            with pytest.raises(WorkspaceNotFoundError, match="no longer exists"):
                dvm_workspace.info
        """,
    )

    outcome = project.run()

    assert outcome.counts() == {"passed": 6}, outcome.output
    assert "dvm: runtime mock" in outcome.output
    assert "dvm: Mock mock (mock, mock://)" in outcome.output
    assert project.ledgers_left() == []


def test_markers_of_test_class_and_module(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import pytest

        pytestmark = pytest.mark.dvm(env={"WHO": "module", "ALL": "1"})

        def test_module(dvm_workspace):
            assert dvm_workspace.exec("echo $WHO $ALL").stdout == b"module 1\\n"

        @pytest.mark.dvm(env={"WHO": "class"})
        class TestClass:
            def test_class(self, dvm_workspace):
                assert dvm_workspace.exec("echo $WHO $ALL").stdout == b"class 1\\n"

            # Whose folders are not this user's to make.
            @pytest.mark.dvm(uid=1000, gid=1000)
            @pytest.mark.dvm(env={"WHO": "test"}, files={"/opt/a/b.txt": "deep", "/tmp/run": "#!/bin/sh\\necho ran"})
            def test_test(self, dvm_workspace):
                assert dvm_workspace.exec("echo $WHO $ALL").stdout == b"test 1\\n"
                assert dvm_workspace.exec("cat /opt/a/b.txt").stdout == b"deep"
                assert dvm_workspace.exec(["/tmp/run"]).stdout == b"ran\\n"
        """,
    )

    assert project.run().counts() == {"passed": 3}


def test_the_session_has_one(project: Project) -> None:
    text = """
        import pytest

        @pytest.fixture(scope="session")
        def database(dvm_session_workspace):
            dvm_session_workspace.exec("echo made >> /tmp/log")
            return dvm_session_workspace

        @pytest.mark.parametrize("n", [1, 2])
        def test_same(database, n):
            assert database.exec("cat /tmp/log").stdout == b"made\\n"
            assert database.exec("echo $KIND").stdout == b"ours\\n"
    """
    project.write("test_one.py", text)
    project.write("test_two.py", text.replace("echo made >> /tmp/log", "true"))
    project.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(scope="session")
        def dvm_session_options():
            return {"env": {"KIND": "ours"}}
        """,
    )

    outcome = project.run()
    assert outcome.counts() == {"passed": 4}, outcome.output


def test_a_factory_makes_several(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import pytest
        from dvm_runtimes import InvalidOptionError

        @pytest.mark.dvm(env={"A": "marker"})
        def test_several(dvm_workspace_factory, dvm_runtime):
            one = dvm_workspace_factory()
            other = dvm_workspace_factory(env={"A": "keyword"})
            assert one.exec("echo $A").stdout == b"marker\\n"
            assert other.exec("echo $A").stdout == b"keyword\\n"
            assert len(dvm_runtime.list_workspaces()) == 2

        def test_gone(dvm_runtime):
            assert dvm_runtime.list_workspaces() == []

        def test_bad_names(dvm_workspace_factory):
            with pytest.raises(InvalidOptionError, match="name"):
                dvm_workspace_factory("no blanks")
            with pytest.raises(InvalidOptionError, match="imgae"):
                dvm_workspace_factory(imgae="x")
        """,
    )

    outcome = project.run()
    assert outcome.counts() == {"passed": 3}, outcome.output


def test_async_tests_await(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        pytestmark = pytest.mark.asyncio

        async def test_it(dvm_workspace, dvm_session_workspace, dvm_workspace_factory, tmp_path):
            assert (await dvm_workspace.exec("echo hi")).stdout == b"hi\\n"
            assert await dvm_workspace.status == "running"
            assert (await dvm_workspace.info).name == dvm_workspace.name
            assert "Async" in repr(dvm_workspace) and dvm_workspace.id and dvm_workspace.runtime
            assert await dvm_session_workspace.status == "running"
            other = await dvm_workspace_factory(ports=[80])
            assert (await other.port(80)).port
            (tmp_path / "f").write_text("x")
            await other.copy_to(tmp_path / "f", "/tmp/f")
            assert (await other.copy_from("/tmp/f", tmp_path / "g")).read_text() == "x"
            assert await other.logs() == ""
            await other.stop()
            await other.start()
            await other.restart()
            async with await dvm_workspace.terminal() as terminal:
                await terminal.sendline("echo $((6*7))")
                await terminal.expect("42")
                assert "6*7" in terminal.before

        async def test_cancelled(dvm_workspace):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(dvm_workspace.exec("echo $$ > /tmp/pid; sleep 1000"), 0.3)
            assert await dvm_workspace.status == "running"

        def test_sync_beside_it(dvm_session_workspace):
            assert dvm_session_workspace.status == "running"
        """,
    )

    outcome = project.run("-W", "ignore::pytest.PytestWarning")
    assert outcome.counts()["passed"] == 3, outcome.output


def test_images_are_built_once_for_each_content(project: Project) -> None:
    for name in ("one", "same", "other"):
        project.write(f"{name}/Dockerfile", "FROM mock:latest\nCOPY who /who\n")
        project.write(f"{name}/who", "other" if name == "other" else "one")
    project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.parametrize("n", [1, 2])
        @pytest.mark.dvm(build="one")
        def test_one(dvm_workspace, n):
            assert dvm_workspace.exec("cat /who").stdout == b"one"

        @pytest.mark.dvm(build="same")
        def test_same(dvm_workspace):
            assert dvm_workspace.exec("cat /who").stdout == b"one"

        @pytest.mark.dvm(build={"app_path": "other"})
        def test_other(dvm_workspace):
            assert dvm_workspace.exec("cat /who").stdout == b"other"

        def test_builds(dvm_runtime):
            assert len(dvm_runtime.mock.calls_of("build_image")) == 2

        @pytest.mark.dvm(build="missing")
        def test_missing(dvm_workspace):
            pass
        """,
    )

    outcome = project.run()
    assert outcome.counts() == {"passed": 5, "error": 1}, outcome.output
    assert "there is no such folder" in outcome.output
