"""The proxies of the user's Docker configuration as build arguments."""

from __future__ import annotations

import dataclasses

from dvm_runtimes.options import BuildOptions
from dvm_runtimes.user.docker_config import proxies

PREDEFINED = frozenset(["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"])
"""Arguments that a Dockerfile need not declare."""


def in_both_cases(options: BuildOptions) -> BuildOptions:
    """The same build with the caller's own proxies as arguments in upper and in lower case.

    BuildKit takes either, whichever it comes upon first: one that is added from elsewhere must not be among them.
    """
    given = options.build_args
    others = {
        other: value
        for name, value in given.items()
        if name.upper() in PREDEFINED and (other := name.lower() if name.isupper() else name.upper()) not in given
    }
    return dataclasses.replace(options, build_args={**given, **others})


def with_proxies(options: BuildOptions, endpoint: str) -> BuildOptions:
    """The same build with the proxies as arguments, as ``docker build`` has it; the caller's own arguments win.

    Args:
        endpoint: the engine's address.
    """
    options = in_both_cases(options)
    return dataclasses.replace(options, build_args={**proxies(endpoint), **options.build_args})


def secret_arguments(options: BuildOptions) -> tuple[str, ...]:
    """The values of build arguments that a build's output must not show: all but proxies without a password."""
    return tuple(value for name, value in options.build_args.items() if name.upper() not in PREDEFINED or "@" in value)
