"""`BuildOptions`: how an image is built."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.validation.environment import check_env_like
from dvm_runtimes.validation.fields import EMPTY, check_one_word, optional_words, set_field
from dvm_runtimes.validation.naming import check_image, check_part


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How an image is built.

    Attributes:
        image_name: the image's first name; needed.
        app_path: the project; the default build context.
        app_name: written to the image's labels.
        dockerfile: default ``Dockerfile`` of the context; may lie outside it.
        build_context: the folder whose files the build sees; ``.dockerignore`` is honoured.
        tags: further names.
        build_args: values for ``ARG``; never shown in errors.
        target: the stage to stop at.
        no_cache: every step is run anew.
        pull: base images are asked for in the registry even if they are here.
        platform: as in ``"linux/arm64"``; empty for the engine's own.
        secrets: ID to file, for ``RUN --mount=type=secret``.
        ssh: agents for ``RUN --mount=type=ssh``, as in ``("default",)``.

    Raises:
        InvalidOptionError: naming the field and the value.
    """

    image_name: str
    app_path: str | os.PathLike[str] | None = None
    app_name: str = ""
    dockerfile: str | os.PathLike[str] | None = None
    build_context: str | os.PathLike[str] | None = None
    tags: Sequence[str] = ()
    build_args: Mapping[str, str] = field(default_factory=lambda: EMPTY, repr=False)
    target: str = ""
    no_cache: bool = False
    pull: bool = False
    platform: str = ""
    secrets: Mapping[str, str | os.PathLike[str]] = field(default_factory=lambda: EMPTY)
    ssh: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_image(self.image_name)
        check_part(self.app_name, "app_name")
        set_field(self, "tags", optional_words("tags", self.tags))
        for tag in self.tags:
            check_image(tag, "tags")
        check_env_like(self.build_args, "build_args")
        set_field(self, "build_args", MappingProxyType(dict(self.build_args)))
        set_field(self, "secrets", MappingProxyType(dict(self.secrets)))
        set_field(self, "ssh", optional_words("ssh", self.ssh))
        check_one_word("platform", self.platform)
        check_one_word("target", self.target)
        if self.app_path is None and self.build_context is None:
            raise InvalidOptionError("app_path", None, "the folder to build is needed", hint="Or set `build_context`.")
