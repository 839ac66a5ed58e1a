"""The engine's steps on images, in the namespace of the workspaces."""

from __future__ import annotations

import dataclasses
import re

from dvm_runtimes.engines.base import STDERR, Progress
from dvm_runtimes.errors import ImageNotFoundError
from dvm_runtimes.infos import ImageInfo, ProgressEvent
from dvm_runtimes.operation import Operation

from . import json_output, scripts
from .client import NerdctlClient
from .error_mapping import pull_failure
from .logrus import reason

_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")


class Images:
    """Images through one client."""

    def __init__(self, client: NerdctlClient) -> None:
        self._client = client

    def inspect(self, op: Operation, name: str) -> ImageInfo | None:
        """See `Engine.inspect_image`."""
        # Without this mode nerdctl panics at an image without a creation time.
        outcome = self._client.run(op, self._client.query("image", "inspect", "--mode", "native", name))
        if outcome.code == 0:
            found = json_output.objects(outcome.stdout.decode(errors="replace"))
            if found:
                return json_output.image(found[0])
        elif not isinstance(error := self._client.failed(op, outcome.message, name), ImageNotFoundError):
            raise error
        if not _IMAGE_ID.fullmatch(name):
            return None
        # nerdctl finds images by the digest of their manifest, not by the ID.
        wanted = name if name.startswith("sha256:") else f"sha256:{name}"
        return next((one for one in self.all(op) if one.id.startswith(wanted)), None)

    def all(self, op: Operation) -> list[ImageInfo]:
        """See `Engine.list_images`."""
        text = self._client.ok(op, self._client.script(scripts.IMAGES, reads=True))
        found: dict[str, ImageInfo] = {}
        for data in json_output.objects(text.decode(errors="replace")):
            one = json_output.image(data)
            known = found.get(one.id)
            tags = dict.fromkeys((*(known.tags if known else ()), *one.tags))
            found[one.id] = dataclasses.replace(one, tags=tuple(tags))
        return list(found.values())

    def pull(self, op: Operation, name: str, platform: str, progress: Progress) -> None:
        """See `Engine.pull_image`."""
        args = ["pull", *(["--platform", platform] if platform else []), name]
        seen = set()
        stderr = b""
        with self._client.running(op, self._client.nerdctl(args)) as channel:
            while (piece := channel.read()) is not None:
                if piece[0] == STDERR:
                    stderr += piece[1]
                for layer in re.findall(
                    r"^([\w-]+-sha256:[0-9a-f]{12})", piece[1].decode(errors="replace"), re.MULTILINE
                ):
                    if layer not in seen:
                        seen.add(layer)
                        progress(ProgressEvent(step=f"Pulling {layer}"))
            code = channel.wait()
        if code:
            raise pull_failure(reason(stderr.decode(errors="replace")), self._client.profile, op.name, name)

    def remove(self, op: Operation, name: str, *, force: bool) -> None:
        """See `Engine.remove_image`."""
        self._client.ok(op, self._client.nerdctl(("rmi", *(["--force"] if force else []), name)), name)
