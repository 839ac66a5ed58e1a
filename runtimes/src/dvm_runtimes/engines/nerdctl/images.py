"""Images in the namespace of the workspaces."""

from __future__ import annotations

import dataclasses
import re

from dvm_runtimes.engines.base import STDERR, Progress
from dvm_runtimes.errors import ImageNotFoundError
from dvm_runtimes.infos import ImageInfo, ProgressEvent
from dvm_runtimes.operation import Operation

from . import records, scripts
from .calls import Caller
from .failures import pull_failure
from .messages import reason

_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")


class Images:
    """The engine's steps that are about images, through one caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def inspect(self, op: Operation, name: str) -> ImageInfo | None:
        """See `Engine.inspect_image`."""
        # In its own form, nerdctl panics at an image that does not tell when it was made.
        outcome = self._caller.run(op, self._caller.nerdctl(("image", "inspect", "--mode", "native", name)))
        if outcome.code == 0:
            found = records.objects(outcome.stdout.decode(errors="replace"))
            if found:
                return records.image(found[0])
        elif not isinstance(error := self._caller.failed(op, outcome.words, name), ImageNotFoundError):
            raise error
        if not _IMAGE_ID.fullmatch(name):
            return None
        # nerdctl looks images up by the digest of their manifest, not by their own ID.
        wanted = name if name.startswith("sha256:") else f"sha256:{name}"
        return next((one for one in self.all(op) if one.id.startswith(wanted)), None)

    def all(self, op: Operation) -> list[ImageInfo]:
        """See `Engine.list_images`."""
        text = self._caller.ok(op, self._caller.script(scripts.IMAGES))
        found: dict[str, ImageInfo] = {}
        for data in records.objects(text.decode(errors="replace")):
            one = records.image(data)
            known = found.get(one.id)
            tags = dict.fromkeys((*(known.tags if known else ()), *one.tags))
            found[one.id] = dataclasses.replace(one, tags=tuple(tags))
        return list(found.values())

    def pull(self, op: Operation, name: str, platform: str, progress: Progress) -> None:
        """See `Engine.pull_image`."""
        words = ["pull", *(["--platform", platform] if platform else []), name]
        told = set()
        said: list[bytes] = []
        with self._caller.running(op, self._caller.nerdctl(words)) as channel:
            while (piece := channel.read()) is not None:
                if piece[0] == STDERR:
                    said.append(piece[1])
                for layer in re.findall(
                    r"^([\w-]+-sha256:[0-9a-f]{12})", piece[1].decode(errors="replace"), re.MULTILINE
                ):
                    if layer not in told:
                        told.add(layer)
                        progress(ProgressEvent(step=f"Pulling {layer}"))
            code = channel.wait()
        if code:
            raise pull_failure(reason(b"".join(said).decode(errors="replace")), self._caller.profile, op.name, name)

    def remove(self, op: Operation, name: str, *, force: bool) -> None:
        """See `Engine.remove_image`."""
        self._caller.ok(op, self._caller.nerdctl(("rmi", *(["--force"] if force else []), name)), name)
