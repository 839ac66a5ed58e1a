"""Colima's profiles that run containerd: nerdctl in the VM, since they have no Docker API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvm_runtimes.discovery.provider import Machine, Probe
from dvm_runtimes.engines.nerdctl import NAMESPACE, NerdctlHints, NerdctlProfile, connect
from dvm_runtimes.errors import DvmError, InvalidOptionError, OperationTimeoutError, RuntimeUnavailableError
from dvm_runtimes.infos import Platform

from .files import DEFAULT, colima_home, path_in_vm

if TYPE_CHECKING:
    from dvm_runtimes.engines.nerdctl.remote import RemoteTransport
    from dvm_runtimes.runtime import ContainerRuntime

_INSTALL = "Install Colima's command on PATH: `brew install colima`."


def probe_containerd(platform: Platform, machine: Machine, timeout: float) -> Probe:
    """Ask the profile's containerd for its version, within ``timeout`` seconds. Never raises."""
    from dvm_runtimes.engines.nerdctl.engine import NerdctlEngine
    from dvm_runtimes.operation import Operation

    profile = _profile(platform, machine, NAMESPACE)
    try:
        with Operation("probe", timeout=timeout, platform=platform.name) as op:
            return Probe(version=NerdctlEngine(_transport(platform, machine, NAMESPACE), profile).version(op))
    except OperationTimeoutError:
        return Probe(problem=f"did not answer within {timeout:g} s", hint=profile.hints.start, silent=True, slow=True)
    except DvmError as error:
        return Probe(problem=error.message, hint=error.hint)


def create_containerd(platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
    """The runtime that drives the profile's containerd.

    Args:
        platform, machine: as the provider's `find` or `select` gave it.
        overrides: ``namespace``, the containerd namespace of the workspaces.

    Raises:
        RuntimeUnavailableError: it does not answer.
    """
    namespace = str(overrides.pop("namespace", None) or machine.env.get("CONTAINERD_NAMESPACE") or NAMESPACE)
    timeout, ask = overrides.pop("timeout", None), overrides.pop("ask", True)
    for key, value in overrides.items():
        raise InvalidOptionError(
            key, value, "there is no such option", hint="Colima's containerd profiles take `namespace`."
        )
    return connect(_transport(platform, machine, namespace), _profile(platform, machine, namespace), timeout, ask=ask)


def _transport(platform: Platform, machine: Machine, namespace: str) -> RemoteTransport:
    """The connection that Lima keeps open, then Colima's own command, which always works."""
    import shutil  # slow to load

    from dvm_runtimes.engines.nerdctl.remote import RemoteTransport

    from .ssh import ColimaSsh, LimaConnection, instance

    program = shutil.which("colima", path=machine.env.get("PATH"))
    if program is None:
        raise RuntimeUnavailableError(
            "the command `colima` is missing",
            hint=_INSTALL,
            platform=platform.name,
            operation="create_runtime",
        )
    lima = Path(machine.env.get("LIMA_HOME") or colima_home(machine) / "_lima")
    connections = (LimaConnection(lima / instance(platform.profile)), ColimaSsh(program, platform.profile))
    return RemoteTransport(connections, namespace, {**machine.env, "HOME": os.fspath(machine.home)})


def _profile(platform: Platform, machine: Machine, namespace: str) -> NerdctlProfile:
    name = platform.profile
    again = "" if name == DEFAULT else f" {name}"

    def host_path(path: Path, field: str) -> str:
        return path_in_vm(path, field, machine, name)

    return NerdctlProfile(
        platform_type="colima",
        platform_name=platform.name,
        endpoint=platform.endpoint,
        namespace=namespace,
        host_path=host_path,
        hints=NerdctlHints(
            start=f"Start it with `colima start{again}`.",
            permission=f"Start it as the user you are now: `colima start{again}`.",
            install=f"Start the VM with containerd: `colima start{again} --runtime containerd`.",
            upgrade="Update Colima: `brew upgrade colima`, then delete the profile and start it again.",
            init="Install `tini` in the VM: `colima ssh -- sudo apt-get install tini`.",
            build=f"Start the VM anew: `colima stop{again} && colima start{again}`.",
            mount=(
                "Check that the folder exists. If it does, the VM has lost its shared folders:"
                f" `colima stop{again} && colima start{again}`."
            ),
            login="Log in inside the VM: `colima ssh -- sudo nerdctl login`, or check the name.",
        ),
    )
