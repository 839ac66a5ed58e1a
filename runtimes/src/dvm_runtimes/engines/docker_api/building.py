"""Builds: which builder does it, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dvm_runtimes.engines.base import Progress
from dvm_runtimes.errors import UnsupportedError
from dvm_runtimes.operation import Operation
from dvm_runtimes.options import BuildOptions

from .build_context import Sources
from .buildkit import build_with
from .buildtools import find_tool
from .classic import build_classic
from .dockerfile import needs_buildkit

if TYPE_CHECKING:
    from .engine import DockerEngine


def build(
    engine: DockerEngine, op: Operation, options: BuildOptions, labels: Mapping[str, str], progress: Progress
) -> str:
    """Build and tag an image; its full ID.

    Raises:
        BuildError: a step failed.
        UnsupportedError: it needs BuildKit, and there is none here.
    """
    sources = Sources.of(options)
    if engine.offers_buildkit(op) and (tool := find_tool()) is not None:
        return build_with(tool, engine, op, options, sources, labels, progress)
    refuse_new(engine, op, options, sources)
    return build_classic(engine, op, options, sources, labels, progress)


def refuse_new(engine: DockerEngine, op: Operation, options: BuildOptions, sources: Sources) -> None:
    """Refuse by name what the classic builder cannot do, before anything is sent."""
    wanted = needs_buildkit(sources.dockerfile.read_text(encoding="utf-8", errors="replace"))
    if options.secrets:
        wanted.append("build secrets")
    if options.ssh:
        wanted.append("SSH agents in builds")
    if wanted:
        raise UnsupportedError(
            f"the classic builder of {engine.platform_name} cannot do {', '.join(wanted)}",
            hint=engine.profile.hints.build,
            platform=engine.platform_name,
            operation=op.name,
        )
