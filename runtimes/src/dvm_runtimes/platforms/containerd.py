"""containerd on this machine through nerdctl: root's, the user's own, or the one of k3s."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvm_runtimes.discovery.machine import exists
from dvm_runtimes.discovery.provider import Machine, PlatformProvider, Probe
from dvm_runtimes.engines.nerdctl import NAMESPACE, NerdctlHints, NerdctlProfile, connect
from dvm_runtimes.errors import DvmError, InvalidOptionError, RuntimeUnavailableError
from dvm_runtimes.infos import Platform

if TYPE_CHECKING:
    import subprocess

    from dvm_runtimes.runtime import ContainerRuntime

RANK = 60

SYSTEM = "/run/containerd/containerd.sock"
K3S = "/run/k3s/containerd/containerd.sock"
ROOTLESS = "containerd-rootless"
"""The folder that rootless containerd has below ``XDG_RUNTIME_DIR``; its socket is in a namespace of its own."""

_OVERRIDES = ("nerdctl", "address", "namespace")


class ContainerdProvider(PlatformProvider):
    """``containerd`` is the one that ``CONTAINERD_ADDRESS`` names, else this user's own, root's, or that of k3s.

    ``containerd:rootless``, ``containerd:system`` and ``containerd:k3s`` each name one of them.
    """

    name = "containerd"
    asks = True

    def find(self, machine: Machine) -> list[Platform]:
        if address := machine.env.get("CONTAINERD_ADDRESS"):
            return [_platform("", address)]
        found = []
        if rootless := _rootless_folder(machine):
            found.append(_platform("rootless", rootless))
        for profile, path in (("system", SYSTEM), ("k3s", K3S)):
            if exists(machine.path(path)) or _refused(machine.path(path)):
                found.append(_platform(profile, os.fspath(machine.path(path))))
        return found

    def select(self, machine: Machine, profile: str) -> Platform:
        found = self.find(machine)
        if not profile:
            return found[0] if found else _platform("system", os.fspath(machine.path(SYSTEM)))
        for platform in found:
            if platform.profile == profile:
                return platform
        names = ", ".join(f"containerd:{one.profile}" for one in found if one.profile) or "none"
        raise RuntimeUnavailableError(
            f"there is no containerd of the kind {profile!r} on this machine",
            hint=f"There is: {names}.",
            platform="containerd",
            operation="create_runtime",
        )

    def probe(self, platform: Platform, machine: Machine, timeout: float) -> Probe:
        profile = _profile(platform, machine, NAMESPACE)
        if _refused(Path(platform.endpoint.removeprefix("unix://"))):
            return Probe(problem="refuses access to this user", hint=profile.hints.permission)
        program = _program(machine)
        if not program:
            return Probe(problem="there is no nerdctl to drive it", hint=profile.hints.install)
        words = [program, *_flags(platform, NAMESPACE), "version", "--format", "{{json .}}"]
        import subprocess  # slow to load, and needed by a probe only

        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                env=dict(machine.env),
                cwd="/",
                check=False,
            )
        except subprocess.TimeoutExpired:
            problem = f"did not answer within {timeout:g} s"
            return Probe(problem=problem, hint=profile.hints.start, silent=True, slow=True)
        except OSError as error:
            return Probe(problem=f"nerdctl cannot be run: {error.strerror}", hint=profile.hints.install)
        return _understand(done, profile)

    def install_hint(self, machine: Machine) -> str:
        return "containerd: install nerdctl's full release, which holds both." if machine.system == "linux" else ""

    def create(self, platform: Platform, machine: Machine, **overrides: Any) -> ContainerRuntime:
        """The runtime that drives it.

        Args:
            platform, machine: as `find` or `select` gave it.
            overrides: ``nerdctl``, the program; ``address``, the socket of another containerd; ``namespace``.
        """
        from dvm_runtimes.engines.nerdctl.error_mapping import missing_nerdctl
        from dvm_runtimes.engines.nerdctl.local import LocalTransport

        timeout, ask = overrides.pop("timeout", None), overrides.pop("ask", True)
        for key, value in overrides.items():
            if key not in _OVERRIDES:
                known = ", ".join(f"`{name}`" for name in _OVERRIDES)
                raise InvalidOptionError(key, value, "there is no such option", hint=f"containerd takes {known}.")
        if address := overrides.get("address"):
            platform = _platform("", str(address))
        namespace = str(overrides.get("namespace") or machine.env.get("CONTAINERD_NAMESPACE") or NAMESPACE)
        profile = _profile(platform, machine, namespace)
        program = str(overrides.get("nerdctl") or _program(machine))
        if not program:
            raise missing_nerdctl(profile, "create_runtime", "nerdctl: command not found")
        return connect(LocalTransport((program, *_flags(platform, namespace)), machine.env), profile, timeout, ask=ask)


def _understand(done: subprocess.CompletedProcess[bytes], profile: NerdctlProfile) -> Probe:
    """What the answer to ``nerdctl version`` means."""
    from dvm_runtimes.engines.nerdctl.error_mapping import failure
    from dvm_runtimes.engines.nerdctl.json_output import check_version
    from dvm_runtimes.engines.nerdctl.logrus import reason

    try:
        if done.returncode:
            raise failure(reason(done.stderr.decode(errors="replace")), profile, "probe")
        return Probe(version=check_version(done.stdout.decode(errors="replace"), profile, "probe"))
    except DvmError as error:
        return Probe(problem=error.message, hint=error.hint)


def _platform(profile: str, address: str) -> Platform:
    names = {"rootless": "containerd (rootless)", "k3s": "containerd (of k3s)"}
    path = address.removeprefix("unix://")
    # Whoever names k3s's socket means the same containerd.
    profile = profile or ("k3s" if Path(path) == Path(K3S) else "")
    return Platform(
        type="containerd",
        name=names.get(profile, "containerd"),
        endpoint=f"unix://{path}",
        profile=profile,
        rank=RANK,
        selector=f"containerd:{profile}" if profile else "containerd",
    )


def _refused(socket: Path) -> bool:
    """Whether this user may not enter the socket's folder."""
    try:
        socket.stat()
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def _rootless_folder(machine: Machine) -> str:
    """The folder of this user's own containerd, if it runs; root has none."""
    runtime = machine.env.get("XDG_RUNTIME_DIR") or f"/run/user/{machine.uid}"
    folder = machine.path(runtime) / ROOTLESS
    return os.fspath(folder) if machine.uid > 0 and exists(folder / "child_pid") else ""


def _flags(platform: Platform, namespace: str) -> tuple[str, ...]:
    # nerdctl enters the namespace of rootless containerd by itself, where the socket has its usual path.
    address = () if platform.profile == "rootless" else ("--address", platform.endpoint.removeprefix("unix://"))
    return (*address, "--namespace", namespace)


def _program(machine: Machine) -> str:
    import shutil  # slow to load

    return shutil.which("nerdctl", path=machine.env.get("PATH")) or ""


def _profile(platform: Platform, machine: Machine, namespace: str) -> NerdctlProfile:
    hints = NerdctlHints()
    if platform.profile == "rootless":
        hints = NerdctlHints(
            start="Start it with `systemctl --user start containerd`.",
            build="Start it with `systemctl --user start buildkit`; `containerd-rootless-setuptool.sh` installs it.",
        )
    elif platform.profile == "k3s":
        hints = NerdctlHints(start="Start it with `sudo systemctl start k3s`.")
    return NerdctlProfile(
        platform_type="containerd",
        platform_name=platform.name,
        endpoint=platform.endpoint,
        namespace=namespace,
        # Not root's, nerdctl enters the namespaces of this user's own before it does anything else.
        rootless=machine.uid > 0,
        hints=hints,
    )
