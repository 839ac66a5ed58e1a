"""The table of commands; `COMMAND_IDS` has the same IDs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dvm_server import json_codec
from dvm_server.arguments import Arguments
from dvm_server.protocol.work import NeedsThreadError, Work

from . import attach, context, engines, exec, folders, images, lifecycle, logs, queries, start
from .call import Call
from .targets import Target

if TYPE_CHECKING:
    from dvm_server.app import DvmServer


@dataclass(frozen=True, slots=True)
class Command:
    """One command: ``encode(run(call, parse(arguments)))``.

    Attributes:
        run: does the work.
        parse: takes the members of the argument; wrong ones raise `InvalidOptionError`.
        encode: the result as JSON.
        long: asks an engine, so it always runs on a thread. Others run on the event loop while the live state has the
            answer, and on a thread when it does not.
    """

    run: Callable[[Call, Any], Any]
    parse: Callable[[Arguments], Any]
    encode: Callable[[Any], Any]
    long: bool = True


def no_members(_arguments: Arguments) -> None:
    """The parser of commands without members."""


def as_is(result: Any) -> Any:
    """The encoder of results that are JSON already."""
    return result


COMMANDS: dict[str, Command] = {
    "dvm.platform.list": Command(engines.list_platforms, no_members, json_codec.platforms),
    "dvm.runtime.info": Command(engines.runtime_info, engines.parse_runtime, as_is),
    "dvm.runtime.select": Command(engines.select_runtime, engines.parse_runtime, as_is),
    "dvm.image.build": Command(images.build_image, images.parse_build, json_codec.image),
    "dvm.workspace.start": Command(start.start_workspace, start.StartRequest.parse, json_codec.workspace),
    "dvm.workspace.stop": Command(lifecycle.stop_workspace, lifecycle.StopRequest.parse, json_codec.workspace),
    "dvm.workspace.restart": Command(lifecycle.restart_workspace, lifecycle.StopRequest.parse, json_codec.workspace),
    "dvm.workspace.remove": Command(lifecycle.remove_workspace, lifecycle.RemoveRequest.parse, json_codec.workspace),
    "dvm.workspace.stopAll": Command(lifecycle.stop_all, lifecycle.parse_grace, json_codec.to_dict),
    "dvm.workspace.list": Command(queries.list_workspaces, no_members, json_codec.workspaces, long=False),
    "dvm.workspace.status": Command(queries.workspace_status, Target.parse, json_codec.workspace, long=False),
    "dvm.workspace.find": Command(queries.find_workspace, Target.parse, json_codec.workspace_or_null, long=False),
    "dvm.workspace.exec": Command(exec.exec_command, exec.ExecRequest.parse, exec.encode_result),
    "dvm.workspace.logs": Command(logs.read_logs, logs.LogsRequest.parse, as_is),
    "dvm.workspace.attach": Command(attach.attach_plan, attach.AttachRequest.parse, as_is),
    "dvm.folder.identity": Command(folders.folder_identity, folders.parse_folder, as_is, long=False),
    "dvm.context.get": Command(context.get_context, no_members, json_codec.to_dict),
    "dvm.context.set": Command(context.set_context, context.parse_context, json_codec.to_dict),
    "dvm.doctor": Command(engines.run_doctor, no_members, json_codec.deep_camel),
}


def execute(server: DvmServer, name: str, argument: Any, work: Work | None) -> Any:
    """Run the command ``name``; its result as JSON.

    Args:
        server: whose client has sent the command.
        name: a key of `COMMANDS`.
        argument: what the client sent.
        work: None on the event loop.

    Raises:
        NeedsThreadError: ``work`` is None, and the live state does not have the answer.
        DvmError: the command failed.
    """
    command = COMMANDS[name]
    if work is None and command.long:
        raise NeedsThreadError
    arguments = server.arguments(argument)
    timeout = arguments.timeout()
    request = command.parse(arguments)
    arguments.done()
    return command.encode(command.run(Call(server, work, timeout), request))
