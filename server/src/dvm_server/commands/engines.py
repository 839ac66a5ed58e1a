"""``dvm.platform.list``, ``dvm.runtime.info``, ``.select`` and ``dvm.doctor``: the engines of this machine."""

from __future__ import annotations

from typing import Any

from dvm_runtimes.discovery.probing import PATIENT
from dvm_runtimes.infos import Platform
from dvm_runtimes.runtime import ContainerRuntime
from dvm_server import json_codec, selection
from dvm_server.arguments import Arguments

from .call import Call


def list_platforms(call: Call, _request: None) -> list[Platform]:
    """Every platform that is found on this machine."""
    from dvm_runtimes.discovery.detection import detect_platforms

    return call.uninterruptible(lambda: detect_platforms(timeout=PATIENT))


def parse_runtime(arguments: Arguments) -> str:
    """The member ``runtime``; empty when left out."""
    return arguments.text("runtime")


def runtime_info(call: Call, which: str) -> dict[str, Any]:
    """The runtime in use, or the one that is named; it has answered."""
    if which:
        runtime, version = selection.create(which, **call.limits())
        with runtime:
            return describe(runtime, version)
    with call.runtime() as runtime:
        return describe(runtime, runtime.version(**call.limits()))


def select_runtime(call: Call, which: str) -> dict[str, Any]:
    """Use another runtime from now on."""
    call.server.selection.select(which or "auto", **call.limits())
    with call.runtime() as runtime:
        return describe(runtime, call.server.selection.state.version)


def describe(runtime: ContainerRuntime, version: str) -> dict[str, Any]:
    """A runtime as JSON."""
    return {
        "runtime": runtime.platform_type,
        "runtimeType": runtime.runtime_type,
        "platformName": runtime.platform_name,
        "version": version,
        "endpoint": runtime.endpoint,
        "capabilities": json_codec.deep_camel(runtime.capabilities.to_dict()),
    }


def run_doctor(call: Call, _request: None) -> dict[str, Any]:
    """What works on this machine, what does not, and the remedies."""
    from dvm_runtimes.discovery.doctor import examine

    return call.uninterruptible(lambda: examine(call.server.selection.requested)).to_dict()
