"""From what was asked for to what will be made: `StartOptions` to `ContainerSpec`.

Looks at this machine's files, never at an engine. Everything that can be
refused is refused here, so that nothing has been started when it is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import time
from pathlib import Path

from dvm_runtimes.engines.base import ContainerSpec, Engine
from dvm_runtimes.engines.specs import KEEP_ALIVE
from dvm_runtimes.errors import InvalidOptionError, UnsupportedError
from dvm_runtimes.options import Mount, StartOptions
from dvm_runtimes.user.home import home_folder
from dvm_runtimes.validation.environment import read_env_file
from dvm_runtimes.validation.mount_policy import check_bind_source
from dvm_runtimes.validation.naming import EXPIRES, IMAGE, OWNER, SPEC

from .git_mounts import user_mounts, worktree_mount

SHELL_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
"""The Linux capabilities that a developer's shell needs: package installation, other users, low ports."""

AGENT_SOCKET = "/run/dvm/ssh-agent.sock"

_VOLATILE_LABELS = (OWNER, EXPIRES, SPEC)


def plan(options: StartOptions, engine: Engine, *, home: Path | None = None) -> ContainerSpec:
    """The container that ``options`` ask for on this engine, every default and rule applied.

    Args:
        options: what was asked for.
        engine: tells its user mapping, its view of host paths, and what it cannot do.
        home: the home folder; this user's by default.

    Raises:
        InvalidOptionError: a mount source or env file that cannot be used.
        UnsupportedError: an option that this engine cannot honour.
    """
    home = home or home_folder()
    _refuse_unsupported(options, engine)
    env = dict(read_env_file(options.env_file)) if options.env_file is not None else {}
    env.update(options.env)
    if options.app_name:
        env["DVM_APP"] = options.app_name
    env["DVM_WORKSPACE"] = options.identity.workspace

    mounts = []
    if options.app_path is not None:
        app = check_bind_source(options.app_path, "app_path", home=home, allow_home=options.allow_home)
        mounts.append(Mount(engine.host_path(app, "app_path"), options.working_dir))
    for index, mount in enumerate(options.mounts):
        if mount.type == "bind":
            field = f"mounts[{index}].source"
            real = check_bind_source(mount.source, field, home=home, allow_home=options.allow_home)
            mount = dataclasses.replace(mount, source=engine.host_path(real, field))
        mounts.append(mount)
    if options.app_path is not None:
        _add_worktree(mounts, app, options.working_dir, engine, home)
    if options.ssh_agent_forwarding:
        mounts.append(Mount(_agent_socket(engine), AGENT_SOCKET))
        env["SSH_AUTH_SOCK"] = AGENT_SOCKET
    if options.git_credentials:
        _add_git(mounts, env, engine, home)

    if options.read_only_root and engine.capabilities.tmpfs and "/tmp" not in [one.destination for one in mounts]:  # noqa: S108
        mounts.append(Mount("", "/tmp", "tmpfs"))  # noqa: S108 -- a path inside; programs fail without it

    keep_alive = options.command is None and options.entrypoint is None
    return ContainerSpec(
        name=engine.container_name(options.name),
        image=options.image_name,
        # An image's own entrypoint would take the keep-alive for its arguments.
        entrypoint=KEEP_ALIVE if keep_alive else _tuple(options.entrypoint),
        command=() if keep_alive else _tuple(options.command),
        env=env,
        labels={**options.labels, **_our_labels(options)},
        working_dir=options.working_dir,
        user=_user(options, engine),
        keep_id=engine.keep_id() and options.uid is None and options.gid is None,
        mounts=tuple(mounts),
        ports=tuple(options.ports),
        network_mode=options.network_mode,
        network_aliases=tuple(options.network_aliases),
        extra_hosts=dict(options.extra_hosts),
        cpus=options.cpus,
        memory=_bytes(options.memory),
        shm_size=_bytes(options.shm_size),
        pids_limit=options.pids_limit if engine.capabilities.resource_limits else None,
        read_only_root=options.read_only_root,
        privileged=options.privileged,
        cap_drop=() if options.privileged else ("ALL",),
        cap_add=_tuple(options.cap_add) or () if options.privileged else _capabilities(options),
        security_opt=_security(options),
        platform=options.platform,
    )


def spec_hash(spec: ContainerSpec, image_id: str) -> str:
    """What tells two specs apart: all of ``spec`` and the image's ID, but not who asked or for how long."""
    # Without what is as if it were not there: an option that a later release adds must not change the
    # hash of a workspace that does not use it, or every workspace of every user would be recreated.
    given = [field.name for field in dataclasses.fields(spec) if getattr(spec, field.name) != _default(field)]
    whole = dataclasses.asdict(spec)
    data = {name: whole[name] for name in given}
    data["labels"] = {key: value for key, value in spec.labels.items() if key not in _VOLATILE_LABELS}
    data["image"] = image_id
    # The name the image was asked by may change while the image does not.
    data["labels"].pop(IMAGE, None)
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _default(field: dataclasses.Field[object]) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def with_image(spec: ContainerSpec, image_id: str) -> ContainerSpec:
    """``spec`` with the label that records its hash."""
    return dataclasses.replace(spec, labels={**spec.labels, SPEC: spec_hash(spec, image_id)})


def _our_labels(options: StartOptions) -> dict[str, str]:
    labels = options.identity.labels() | {IMAGE: options.image_name}
    if options.owner:
        labels[OWNER] = options.owner
    if options.ttl is not None:
        labels[EXPIRES] = str(int(time.time() + options.ttl))
    return labels


def _refuse_unsupported(options: StartOptions, engine: Engine) -> None:
    able = engine.capabilities
    kinds = {mount.type for mount in options.mounts}
    asked = {
        "bind_mounts": options.app_path is not None or "bind" in kinds,
        "named_volumes": "volume" in kinds,
        "tmpfs": "tmpfs" in kinds,
        "ports": bool(options.ports),
        "host_network": options.network_mode == "host",
        "network_modes": options.network_mode not in ("", "host"),
        "extra_hosts": bool(options.extra_hosts),
        "resource_limits": options.memory is not None or options.cpus is not None,
        "read_only_root": options.read_only_root,
        "capabilities": bool(options.cap_add),
        "user": options.uid is not None or options.gid is not None,
        "platforms": bool(options.platform),
        "ssh_agent": options.ssh_agent_forwarding,
    }
    for name, wanted in asked.items():
        if wanted and (reason := able.why_not(name)):
            raise UnsupportedError(
                f"{engine.platform_name} cannot honour the options: {reason}",
                hint="Leave the option out, or choose another runtime (`dvm platforms` lists them).",
                platform=engine.platform_name,
                operation="start_workspace",
            )


def _agent_socket(engine: Engine) -> str:
    socket = engine.ssh_agent_socket()
    if not socket:
        raise InvalidOptionError(
            "ssh_agent_forwarding",
            True,
            "no SSH agent runs here (SSH_AUTH_SOCK is not set)",
            hint='Start one with `eval "$(ssh-agent)" && ssh-add`.',
        )
    return socket


def _add_git(mounts: list[Mount], env: dict[str, str], engine: Engine, home: Path) -> None:
    wanted, variables = user_mounts(home)
    for source, destination in wanted:
        mounts.append(Mount(engine.host_path(source, "git_credentials"), destination, read_only=True))
    for name, value in variables.items():
        env.setdefault(name, value)


def _add_worktree(mounts: list[Mount], app: Path, working_dir: str, engine: Engine, home: Path) -> None:
    found = worktree_mount(app, working_dir)
    if found is None or found.destination in [mount.destination for mount in mounts]:
        return
    # Nobody asked for it: where it cannot be mounted, git does not work inside, and the rest does.
    with contextlib.suppress(InvalidOptionError):
        source = check_bind_source(found.source, "app_path", home=home)
        mounts.append(Mount(engine.host_path(source, "app_path"), found.destination))


def _user(options: StartOptions, engine: Engine) -> str:
    default = engine.default_user()
    if default is None:
        if options.uid is None and options.gid is None:
            return ""
        default = (options.uid or 0, options.gid or 0)
    uid = default[0] if options.uid is None else options.uid
    gid = default[1] if options.gid is None else options.gid
    return f"{uid}:{gid}"


def _capabilities(options: StartOptions) -> tuple[str, ...]:
    extra = (name.upper().removeprefix("CAP_") for name in options.cap_add)
    return tuple(dict.fromkeys((*SHELL_CAPABILITIES, *extra)))


def _security(options: StartOptions) -> tuple[str, ...]:
    given = tuple(options.security_opt)
    if options.privileged or any(option.startswith("no-new-privileges") for option in given):
        return given
    return ("no-new-privileges", *given)


def _bytes(size: str | int | None) -> int | None:
    return size if isinstance(size, int) else None


def _tuple(words: object) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)  # type: ignore[arg-type]
