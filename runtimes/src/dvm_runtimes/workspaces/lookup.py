"""Which container a person means: by ID, ID prefix, container name or workspace name; ours only."""

from __future__ import annotations

from dvm_runtimes.engines.base import Container, Engine
from dvm_runtimes.errors import InvalidOptionError, WorkspaceNotFoundError, WorkspaceNotRunningError
from dvm_runtimes.infos import WorkspaceStatus
from dvm_runtimes.operation import Operation
from dvm_runtimes.validation.naming import MANAGED, WORKSPACE, is_managed


def find(engine: Engine, op: Operation, reference: str) -> Container | None:
    """The container of ours that ``reference`` names, or None.

    The engine's own look-up answers for IDs, unique prefixes and container
    names, in one request. Only if that is none of ours is the workspace's
    name looked for.

    Raises:
        InvalidOptionError: empty, or several workspaces are called so.
    """
    check_reference(reference)
    if engine.one_look:
        return _in_list(engine, op, reference)
    container = engine.inspect_container(op, reference)
    if container is not None and is_managed(container.labels):
        exact = reference in (container.id, container.name)
        if exact:
            return container
        # A prefix of an ID; a workspace of that very name goes before it.
        named = _named(engine, op, reference)
        return named or container
    return _named(engine, op, reference)


def get(engine: Engine, op: Operation, reference: str) -> Container:
    """The container of ours that ``reference`` names.

    Raises:
        WorkspaceNotFoundError: there is none.
    """
    container = find(engine, op, reference)
    if container is None:
        raise not_found(engine, op, reference)
    return container


def not_found(engine: Engine, op: Operation, reference: str) -> WorkspaceNotFoundError:
    """The error for a workspace that is not there, or not any more."""
    return WorkspaceNotFoundError(
        f"no workspace {reference!r} on {engine.platform_name}",
        hint="`dvm ls` lists the workspaces; `dvm up` starts one.",
        platform=engine.platform_name,
        operation=op.name,
    )


def get_running(engine: Engine, op: Operation, reference: str) -> Container:
    """The container that ``reference`` names, which must be running.

    Raises:
        WorkspaceNotFoundError: there is none.
        WorkspaceNotRunningError: it is in another state.
    """
    container = get(engine, op, reference)
    if container.status is not WorkspaceStatus.RUNNING:
        raise not_running(engine, op, container)
    return container


def not_running(engine: Engine, op: Operation, container: Container) -> WorkspaceNotRunningError:
    """The error for a workspace that is in a state in which nothing can be done with it."""
    ended = f" with exit code {container.exit_code}" if container.exit_code is not None else ""
    return WorkspaceNotRunningError(
        f"workspace {container.name!r} is not running: it is {container.status}{ended}",
        hint=f"`dvm start {container.name}` starts it again.",
        platform=engine.platform_name,
        operation=op.name,
        detail=container.error,
    )


def ended_at_once(engine: Engine, op: Operation, container: Container) -> WorkspaceNotRunningError:
    """The error for a workspace that was started and does not run."""
    error = not_running(engine, op, container)
    error.message = f"workspace {container.name!r} ended right after its start: {container.error or container.status}"
    if container.exit_code is not None:
        error.message += f" (exit code {container.exit_code})"
    error.hint = "Its last log lines tell why; its command must keep running."
    return error


def check_reference(reference: str) -> None:
    """Refuse what can name no workspace.

    Raises:
        InvalidOptionError: empty, not a string, or with characters that no engine's URL or argument may carry.
    """
    if not isinstance(reference, str) or not reference.strip():
        raise InvalidOptionError("workspace", reference, "a workspace's ID or name is needed")
    if len(reference) > 256 or not reference.isprintable():
        raise InvalidOptionError("workspace", reference, "not the ID or name of a workspace")


def _named(engine: Engine, op: Operation, name: str) -> Container | None:
    # An empty value in a filter stands for any, so the name is compared here too.
    return _only(
        [one for one in engine.list_containers(op, {MANAGED: "true", WORKSPACE: name}) if _is(one, name)], name
    )


def _in_list(engine: Engine, op: Operation, reference: str) -> Container | None:
    """The same as `find`, from one list of all workspaces."""
    ours = [one for one in engine.list_containers(op, {MANAGED: "true"}) if is_managed(one.labels)]
    exact = next((one for one in ours if reference in (one.id, one.name)), None)
    if exact is not None:
        return exact
    begun = [one for one in ours if one.id.startswith(reference)]
    return _only([one for one in ours if _is(one, reference)], reference) or (begun[0] if len(begun) == 1 else None)


def _is(container: Container, name: str) -> bool:
    return container.labels.get(WORKSPACE) == name and is_managed(container.labels)


def _only(found: list[Container], name: str) -> Container | None:
    """The one workspace of that name; None for none.

    Raises:
        InvalidOptionError: there are several.
    """
    if len(found) > 1:
        names = ", ".join(sorted(container.name for container in found))
        raise InvalidOptionError(
            "workspace", name, f"{len(found)} workspaces are called so", hint=f"Use the container's name: {names}."
        )
    return found[0] if found else None
