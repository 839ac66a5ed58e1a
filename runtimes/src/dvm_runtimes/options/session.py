"""`AttachOptions` and `ExecOptions`: how a shell or a command runs inside a workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.validation.environment import check_env
from dvm_runtimes.validation.fields import EMPTY, check_container_path, check_user_number, optional_words, set_field
from dvm_runtimes.validation.text import is_text


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachOptions:
    """How a shell is opened inside a workspace.

    Attributes:
        shell: the shell to use. Default the user's login shell in ``/etc/passwd``, else ``/bin/zsh``, bash or sh. A
            shell that does not exist is replaced by the first of those that does.
        login_shell: read the login profile; default True.
        env: variables of this session only.
        uid, gid: default the workspace's own user.
        working_dir: default the workspace's.
        command: run this instead of a shell.
        tty: whether `attach_to_workspace` gives it a terminal; None does so if it has one itself.
    """

    shell: str | None = None
    login_shell: bool = True
    env: Mapping[str, str] = field(default_factory=lambda: EMPTY, repr=False)
    uid: int | None = None
    gid: int | None = None
    working_dir: str | None = None
    command: Sequence[str] | None = None
    tty: bool | None = None

    def __post_init__(self) -> None:
        check_env(self.env)
        set_field(self, "env", MappingProxyType(dict(self.env)))
        check_user_number("uid", self.uid)
        check_user_number("gid", self.gid)
        if self.working_dir is not None:
            check_container_path("working_dir", self.working_dir)
        if self.shell is not None and not is_text(self.shell):
            raise InvalidOptionError("shell", self.shell, "must be a program's name or path")
        set_field(self, "command", optional_words("command", self.command))
        if self.command is not None and not self.command:
            raise InvalidOptionError("command", [], "must have at least one word")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecOptions:
    """How a command is run in a workspace.

    Attributes:
        input: bytes for its standard input, which then ends; None gives it an empty one.
        env: variables of this command only.
        working_dir: default the workspace's.
        uid, gid: default the workspace's own user. Some engines (Docker) give root the rights of root only in a
            workspace that was started as root.
        on_stdout, on_stderr: called with each piece of output as it comes, from the
            thread that called ``exec_in_workspace``; what they are given is not collected.
    """

    input: bytes | None = None
    env: Mapping[str, str] = field(default_factory=lambda: EMPTY, repr=False)
    working_dir: str | None = None
    uid: int | None = None
    gid: int | None = None
    on_stdout: Callable[[bytes], object] | None = None
    on_stderr: Callable[[bytes], object] | None = None

    def __post_init__(self) -> None:
        if self.input is not None and not isinstance(self.input, bytes | bytearray | memoryview):
            raise InvalidOptionError("input", type(self.input).__name__, "must be bytes")
        check_env(self.env)
        set_field(self, "env", MappingProxyType(dict(self.env)))
        check_user_number("uid", self.uid)
        check_user_number("gid", self.gid)
        if self.working_dir is not None:
            check_container_path("working_dir", self.working_dir)
