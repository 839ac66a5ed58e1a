"""`Execs`: starts commands in containers, asks for their state, and ends them."""

from __future__ import annotations

import threading
from typing import Any

from dvm_runtimes.engines.base import ExecSpec
from dvm_runtimes.engines.http.api_error import ApiError
from dvm_runtimes.errors import DvmError, ExecError
from dvm_runtimes.operation import Operation

from . import kill_script
from .api import DockerApi
from .exec_session import DockerSession, ExecState

DETACH_KEYS = "ctrl-@,ctrl-^,ctrl-@,ctrl-_,ctrl-@,ctrl-^,ctrl-@,ctrl-_"
"""Keys that would end a session, and that nobody types. The default's first one, Ctrl-P, goes back in the history of
a shell: the engine holds it until it has seen the next key. Engines do not take an empty sequence."""

_KILL_LIMIT = 10.0
_RESIZE_TRIES = 48
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.1


def exec_body(spec: ExecSpec, mark: str, *, console_size: bool) -> dict[str, Any]:
    """The body of ``POST /containers/ID/exec``.

    Args:
        spec: the command.
        mark: see `kill_script`.
        console_size: whether the engine takes a terminal's size here (API 1.42).
    """
    body: dict[str, Any] = {
        "Cmd": list(spec.command),
        "Env": [f"{key}={value}" for key, value in {**spec.env, kill_script.MARK: mark}.items()],
        "AttachStdin": spec.stdin,
        "DetachKeys": DETACH_KEYS,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": spec.tty,
    }
    if spec.working_dir:
        body["WorkingDir"] = spec.working_dir
    if spec.user:
        body["User"] = spec.user
    if spec.tty and console_size:
        body["ConsoleSize"] = list(spec.size)
    return body


class Execs:
    """The commands of one engine.

    Args:
        api: of the engine.
    """

    session_type: type[DockerSession] = DockerSession
    """What `start` makes."""

    def __init__(self, api: DockerApi) -> None:
        self._api = api

    def start(self, op: Operation, container: str, spec: ExecSpec) -> DockerSession:
        """Run a command; within a step of the engine."""
        api, mark = self._api, kill_script.new_mark()
        sized = api.api_at_least("1.42")
        exec_id = self._create(container, exec_body(spec, mark, console_size=sized))
        start: dict[str, object] = {"Detach": False, "Tty": spec.tty}
        if spec.tty and sized:
            start["ConsoleSize"] = list(spec.size)
        try:
            handed_over = api.client.upgrade("POST", "/exec/{}/start", exec_id, protocol="tcp", json=start)
        except ApiError as error:
            raise self._from_response(error, op, spec, container) from error
        except BaseException:
            # It may run all the same: the request may have arrived, though its answer did not.
            self._end_unanswered(op, container, exec_id, mark, spec.user)
            raise
        session = self.session_type(
            handed_over.connection,
            handed_over.early,
            tty=spec.tty,
            inspect=lambda op: self.state(op, exec_id),
            ended=lambda op: self.ended(op, exec_id),
            resize=lambda op, rows, columns: self._resize(op, exec_id, rows, columns),
            kill=lambda op: self.kill(op, container, exec_id, mark, spec.user),
            broken=lambda error, connection: api.broken(error, op.name, connection),
            failed=lambda code, message: self.failed(op, spec, code, message),
            operation=op.name,
        )
        if spec.tty and not sized:
            session.resize(*spec.size)
        return session

    def state(self, op: Operation, exec_id: str) -> ExecState:
        """The engine's record of the command."""
        with self._api.calling(op) as scope, self._api.typed(op, scope):
            data = self._api.client.get("/exec/{}/json", exec_id)
        code, pid = data.get("ExitCode"), int(data.get("Pid") or 0)
        return ExecState(
            running=bool(data.get("Running")),
            started=pid > 0,
            exit_code=None if code is None else int(code),
            pid=pid,
        )

    def kill(self, op: Operation, container: str, exec_id: str, mark: str, user: str) -> None:
        """End the command and all that it started.

        Args:
            user: whom it runs as; empty for the container's own.
        """
        here = self._api.profile.place == "here"
        if here and kill_script.kill_here(mark) and not self.state(op, exec_id).running:
            return
        if self._run_kill(op, container, mark, "0:0", privileged=True) != 0:
            # Some engines let nobody have more rights than the container has. Root with CAP_KILL may end
            # everything, but not look at others; the user may look at his own.
            self._run_kill(op, container, mark, user, privileged=False)
            self._run_kill(op, container, mark, "0:0", privileged=False)

    def _run_kill(self, op: Operation, container: str, mark: str, user: str, *, privileged: bool) -> int:
        api = self._api
        body: dict[str, Any] = {"Cmd": kill_script.kill_command(mark), "Privileged": privileged, "AttachStdout": True}
        if user:
            body["User"] = user
        # Not allowed, or there is no shell.
        with api.calling(op) as scope, api.typed(op, scope, container):
            try:
                exec_id = self._create(container, body)
                self._run_to_end(op, exec_id)
            except ApiError as error:
                return -error.status
        return self.ended(op, exec_id).exit_code or 0

    def _run_to_end(self, op: Operation, exec_id: str) -> None:
        """Run a command that writes nothing.

        Attached all the same: Podman 4.3 never reports the end of one that is not, and nothing
        has to poll.
        """
        start = {"Detach": False, "Tty": False}
        connection = self._api.client.upgrade("POST", "/exec/{}/start", exec_id, protocol="tcp", json=start).connection
        try:
            with op.aborting(connection.cut):
                while connection.sock.recv(4096):
                    pass
        finally:
            connection.close()

    def ended(self, op: Operation, exec_id: str) -> ExecState:
        """Wait for a command's end. The API has no request that waits for it, so this polls."""
        pause = _FIRST_PAUSE
        while True:
            state = self.state(op, exec_id)
            if not state.running and state.exit_code is not None:
                return state
            op.wait(threading.Event(), pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _create(self, container: str, body: dict[str, Any]) -> str:
        answer = self._api.client.call("POST", "/containers/{}/exec", container, json=body)
        return str(answer.json()["Id"])

    def _resize(self, op: Operation, exec_id: str, rows: int, columns: int) -> None:
        api = self._api
        with api.calling(op) as scope, api.typed(op, scope):
            for attempt in range(_RESIZE_TRIES):
                try:
                    api.client.call("POST", "/exec/{}/resize", exec_id, params={"h": rows, "w": columns})
                except ApiError:
                    # The engine answers before the process is there, and drops a size that comes too early.
                    if attempt == _RESIZE_TRIES - 1 or not self._about_to_start(op, exec_id, attempt):
                        return
                else:
                    return

    def _about_to_start(self, op: Operation, exec_id: str, attempt: int) -> bool:
        op.wait(threading.Event(), min(0.01 * 2**attempt, _LONGEST_PAUSE))
        state = self.state(op, exec_id)
        return state.running or state.exit_code is None

    def _end_unanswered(self, op: Operation, container: str, exec_id: str, mark: str, user: str) -> None:
        try:
            with Operation(op.name, timeout=_KILL_LIMIT) as ending:
                if self.state(ending, exec_id).running:
                    self.kill(ending, container, exec_id, mark, user)
        except DvmError:
            pass  # the engine is gone; the first error says so

    def _from_response(self, error: ApiError, op: Operation, spec: ExecSpec, container: str) -> DvmError:
        text = error.message
        if error.status in (400, 500) and ("OCI runtime" in text or "unable to find user" in text or "exec" in text):
            return self.failed(op, spec, 126, text)
        return self._api.errors.from_message(error.status, text, op.name, container)

    def failed(self, op: Operation, spec: ExecSpec, code: int, message: str) -> ExecError:
        """The error of a command that was not started, from its exit code and the engine's message."""
        reason = " ".join(message.split()) or "the engine gave no reason"
        # Engines disagree on the number; a shell's rule decides, as far as the message tells.
        missing = "executable file not found" in reason or "no such file or directory" in reason
        return ExecError(
            f"{spec.command[0]!r} could not be started: {reason[:400]}",
            exit_code=127 if missing else code,
            hint="Is it installed in the image, executable, and on the PATH? Does the working folder exist?",
            platform=self._api.profile.platform_name,
            operation=op.name,
            detail=message,
        )
