"""Writes down what tests start through ``dvm_runtime`` itself, so that it does not outlive the run either."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from dvm_runtimes.options import StartOptions

if TYPE_CHECKING:
    from dvm_runtimes.runtime import ContainerRuntime

    from .records import Records


def record_starts(runtime: ContainerRuntime, records: Records) -> None:
    """Let ``runtime.start_workspace`` write down each workspace that was not there before.

    One that was there is somebody's: it is not this run's to remove.
    """
    start = runtime.start_workspace
    here: set[str] = set()

    def start_workspace(options: StartOptions, *args: Any, **limits: Any) -> str:
        name = options.name
        if name not in here and runtime.find_workspace(name) is not None:
            return start(options, *args, **limits)
        here.add(name)
        engine = records.own.engine(runtime)
        records.own.plan("container", name, engine)
        options = dataclasses.replace(options, owner=options.owner or records.owner)
        started = start(options, *args, **limits)
        records.own.made("container", name, engine)
        return started

    # On this object alone: a class around it would have to repeat the whole interface, and tests would see it.
    runtime.start_workspace = start_workspace  # type: ignore[method-assign]
