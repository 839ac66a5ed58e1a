"""Users, limits and rights: who a workspace is, how much it may have, and what it may do."""

from __future__ import annotations

from typing import Any

import pytest

from dvm_runtimes.errors import DvmError, EngineError, InvalidOptionError
from dvm_runtimes.infos import WorkspaceInfo
from dvm_runtimes.options import ExecOptions, Mount
from dvm_runtimes.runtime import ContainerRuntime
from dvm_runtimes.waiting import LogLine

from .case import LIMIT, MISSING_IMAGE, Bench, ConformanceCase, require

SHELL_RIGHTS = 0x4FB
"""CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID and NET_BIND_SERVICE, by their numbers."""
NET_RAW = 1 << 13
SYS_ADMIN = 1 << 21


class ConfinementConformance(ConformanceCase):
    """``uid`` to ``privileged``: safe by default, and as was asked for."""

    def default_ids(self, bench: Bench) -> tuple[int, int]:
        """Who a workspace is that asks for nobody."""
        uid, gid = bench.sh(bench.start(), "id -u; id -g").split()
        return int(uid), int(gid)

    @pytest.mark.parametrize(("uid", "gid"), [(0, 0), (1, 1), (1001, 1001), (2000, None), (None, 2000), (1000, 5)])
    def test_user_is_as_asked(self, runtime: ContainerRuntime, bench: Bench, uid: int | None, gid: int | None) -> None:
        """Each number for itself; the other one is the default, as it is where none is given."""
        require(runtime, "user")
        default = self.default_ids(bench)
        workspace = bench.start(uid=uid, gid=gid)
        wanted = (default[0] if uid is None else uid, default[1] if gid is None else gid)
        assert bench.sh(workspace, "echo $(id -u):$(id -g)") == f"{wanted[0]}:{wanted[1]}\n"

    def test_user_runs_the_main_process(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The main process is that user's, not only what is run beside it."""
        require(runtime, "user")
        workspace = bench.start(uid=1234, gid=5678, command=["sh", "-c", "echo $(id -u):$(id -g); exec sleep infinity"])
        assert bench.await_log(workspace, b"\n") == b"1234:5678\n"

    # Limits

    def limit(self, bench: Bench, workspace: str, second: str, first: str) -> str:
        """What the control group says, whichever version of control groups it is."""
        return bench.sh(workspace, f"cat /sys/fs/cgroup/{second} 2>/dev/null || cat /sys/fs/cgroup/{first}").strip()

    def test_limit_of_memory(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """In bytes, where the kernel keeps it."""
        require(runtime, "resource_limits")
        workspace = bench.start(memory="64m")
        shown = self.limit(bench, workspace, "memory.max", "memory/memory.limit_in_bytes")
        assert shown == str(64 * 1024 * 1024)

    def test_limit_of_cpus(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A share of all CPUs, as a quota of a period."""
        require(runtime, "resource_limits")
        workspace = bench.start(cpus=0.5)
        files = ("cpu.max", "cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us")
        quota, period = self.limit(bench, workspace, *files).split()
        assert int(quota) * 2 == int(period)

    @pytest.mark.parametrize(("limit", "shown"), [(4096, "4096"), (100, "100"), (None, "max")])
    def test_limit_of_processes(self, runtime: ContainerRuntime, bench: Bench, limit: int | None, shown: str) -> None:
        """There is one by default, and none only if that was asked for."""
        require(runtime, "resource_limits")
        workspace = bench.start() if limit == 4096 else bench.start(pids_limit=limit)
        assert self.limit(bench, workspace, "pids.max", "pids/pids.max") == shown

    def test_limit_of_processes_holds(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """What starts too many is told so."""
        require(runtime, "resource_limits")
        workspace = bench.start(pids_limit=16)
        script = "for n in $(seq 1 40); do sleep 600 >/dev/null 2>&1 & done"
        result = runtime.exec_in_workspace(workspace, ["sh", "-c", script], timeout=LIMIT)
        assert result.stderr != b""

    # Rights

    def status(self, bench: Bench, workspace: str, process: str = "self", **user: int) -> dict[str, str]:
        """The kernel's view of a process of the workspace: one of root's that is run in it, where no other is named."""
        lines = bench.sh(workspace, f"cat /proc/{process}/status", **(user or {"uid": 0, "gid": 0})).splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def test_rights_are_few_by_default(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """No process gains privileges, and even root has only what a developer's shell needs."""
        require(runtime, "capabilities")
        status = self.status(bench, bench.start(uid=0, gid=0))
        assert int(status["CapBnd"], 16) == SHELL_RIGHTS
        assert int(status["CapEff"], 16) == SHELL_RIGHTS
        assert status["NoNewPrivs"] == "1"

    @pytest.mark.parametrize("uid", [0, 1000])
    def test_only_root_has_rights(self, runtime: ContainerRuntime, bench: Bench, uid: int) -> None:
        """Whoever is not root has none, neither as the main process nor as a command, and cannot get any."""
        require(runtime, "capabilities", "user")
        workspace = bench.start(uid=uid, gid=uid)
        processes = [self.status(bench, workspace, uid=1000, gid=1000)]
        if uid:
            processes.append(self.status(bench, workspace, process="1", uid=uid, gid=uid))
        for status in processes:
            assert int(status["CapBnd"], 16) == SHELL_RIGHTS
            assert [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapAmb")] == [0, 0, 0]
            assert status["NoNewPrivs"] == "1"
        options = ExecOptions(uid=1000, gid=1000)
        script = ["sh", "-c", "echo x > /etc/owned-by-root"]
        assert runtime.exec_in_workspace(workspace, script, options, timeout=LIMIT).exit_code != 0

    @pytest.mark.parametrize("name", ["NET_RAW", "cap_net_raw"])
    def test_rights_can_be_added(self, runtime: ContainerRuntime, bench: Bench, name: str) -> None:
        """A capability by either of its spellings, besides the default few."""
        require(runtime, "capabilities")
        status = self.status(bench, bench.start(cap_add=[name]))
        assert int(status["CapBnd"], 16) == SHELL_RIGHTS | NET_RAW

    def test_rights_can_be_all(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """``privileged`` is the only way, and an open one."""
        require(runtime, "capabilities")
        try:
            workspace = bench.start(privileged=True)
        except EngineError as error:
            if "not permitted" not in error.detail:
                raise
            # Where the engine itself is confined, it has nothing of the kind to give.
            pytest.skip(f"{runtime.platform_name}: {error.detail}")
        status = self.status(bench, workspace)
        wanted = SHELL_RIGHTS | NET_RAW | SYS_ADMIN
        assert int(status["CapBnd"], 16) & wanted == wanted

    def test_root_can_be_read_only(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Nothing can be written but to /tmp, which is memory, and to mounts."""
        require(runtime, "read_only_root", "named_volumes")
        workspace = bench.start(read_only_root=True, mounts=[Mount(bench.volume(), "/data", "volume")], uid=0, gid=0)
        for path in ("/file", "/etc/file", "/usr/file"):
            assert runtime.exec_in_workspace(workspace, ["sh", "-c", f"echo x > {path}"]).exit_code != 0
        assert bench.sh(workspace, "echo x > /tmp/file && echo x > /data/file && cat /tmp/file /data/file") == "x\nx\n"

    # Secrets

    def test_secrets_stay_inside(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """A variable's value is in the workspace, and in nothing that is told of it."""
        secret = "hunter2-" + bench.name()
        options = bench.options(env={"TOKEN": secret}, app_name="shop")
        heard: list[object] = []
        workspace = runtime.start_workspace(options, heard.append)
        assert bench.sh(workspace, "printenv TOKEN") == f"{secret}\n"
        info: WorkspaceInfo = bench.info(workspace)
        assert secret not in f"{info} {info.to_dict()} {heard} {options}"

    def test_secrets_are_in_no_error(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Nor are they in what is said when a start fails."""
        secret = "hunter2-" + bench.name()
        with pytest.raises(InvalidOptionError) as refused:
            bench.options(env={"TOKEN": secret + "\0"})
        assert secret not in str(refused.value)
        failures: tuple[dict[str, Any], ...] = (
            {"command": ["/no/such/program"], "ready": LogLine("never")},
            {"command": ["false"], "ready": LogLine("never")},
            {"image_name": MISSING_IMAGE},
        )
        for changes in failures:
            with pytest.raises(DvmError) as caught:
                bench.start(env={"TOKEN": secret}, **changes)
            assert secret not in f"{caught.value} {caught.value.__dict__}"
