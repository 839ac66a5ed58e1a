"""Images: there, listed, pulled and removed, by the names that people gave them."""

from __future__ import annotations

from typing import Any

import pytest

from dvm_runtimes.errors import EngineError, ImageNotFoundError, InvalidOptionError
from dvm_runtimes.infos import ImageInfo, ProgressEvent
from dvm_runtimes.runtime import ContainerRuntime

from .case import LIMIT, MISSING_IMAGE, Bench, ConformanceCase, assert_typed, require


class ImageConformance(ConformanceCase):
    """A name stands for an image, and is read back as it was written."""

    def test_image_exists(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """By name and by ID; what is not there is no error."""
        image = bench.image()
        assert runtime.image_exists(image)
        assert runtime.image_exists(self.listed(runtime, image).id)
        assert not runtime.image_exists(image + "-other")
        assert not runtime.image_exists(MISSING_IMAGE)
        assert not runtime.image_exists("sha256:" + "0" * 64)

    def listed(self, runtime: ContainerRuntime, name: str) -> ImageInfo:
        """What the list tells of an image."""
        (found,) = (image for image in runtime.list_images() if name in image.tags)
        return found

    def test_images_are_listed(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """Each once, with all its names as they were written."""
        first, second = bench.image(), bench.image()
        found = self.listed(runtime, first)
        assert {first, second, bench.subject.image} <= set(found.tags)
        assert found.id.startswith("sha256:")
        assert len({image.id for image in runtime.list_images()}) == len(runtime.list_images())

    @pytest.mark.parametrize("name", ["", "UPPER", "a b", "--help", "a:b:c"])
    def test_image_names_are_checked(self, runtime: ContainerRuntime, name: str) -> None:
        """What can name no image is refused before the engine is asked."""
        uses: list[Any] = [runtime.image_exists, runtime.pull_image, runtime.remove_image]
        for use in uses:
            with pytest.raises(InvalidOptionError, match="name"):
                use(name)

    def test_image_removal_takes_the_name(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The image goes with its last name, not before."""
        image, other = bench.image(bench.subject.other_image), bench.image(bench.subject.other_image)
        runtime.remove_image(image)
        assert not runtime.image_exists(image)
        assert runtime.image_exists(other)
        assert runtime.image_exists(bench.subject.other_image)

    def test_image_removal_of_what_is_missing(self, runtime: ContainerRuntime) -> None:
        """`ImageNotFoundError` names the image."""
        with pytest.raises(ImageNotFoundError, match=MISSING_IMAGE) as caught:
            runtime.remove_image(MISSING_IMAGE)
        assert_typed(caught.value, runtime, "remove_image")

    def test_image_removal_spares_what_is_used(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """The last name of an image that a workspace runs is only taken by force."""
        require(runtime, "build")
        image = bench.build("FROM IMAGE\nLABEL used=yes\n")
        workspace = bench.start(image_name=image)
        with pytest.raises(EngineError) as caught:
            runtime.remove_image(image)
        assert_typed(caught.value, runtime, "remove_image")
        assert runtime.image_exists(image)
        assert bench.sh(workspace, "echo runs") == "runs\n"

    # Pulling

    def test_pull_of_what_is_missing(self, runtime: ContainerRuntime) -> None:
        """`ImageNotFoundError` names the image."""
        require(runtime, "pull")
        with pytest.raises(ImageNotFoundError, match=MISSING_IMAGE) as caught:
            runtime.pull_image(MISSING_IMAGE, timeout=LIMIT)
        assert_typed(caught.value, runtime, "pull_image")

    def pullable(self, runtime: ContainerRuntime, bench: Bench) -> str:
        """An image that only a registry has."""
        require(runtime, "pull")
        image = bench.subject.registry_image
        if not image:
            pytest.skip(f"{runtime.platform_name}: no registry is to be had")
        bench.own_image(image)
        if runtime.image_exists(image):
            runtime.remove_image(image, force=True)
        return image

    def test_pull_brings_the_image(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """It is there afterwards, and the caller heard of the steps."""
        image = self.pullable(runtime, bench)
        heard: list[ProgressEvent] = []
        info = runtime.pull_image(image, heard.append, timeout=LIMIT)
        assert image in info.tags
        assert runtime.image_exists(image)
        assert heard
        assert all(event.step for event in heard)

    @pytest.mark.parametrize("pull", ["missing", "always"])
    def test_start_pulls_what_is_missing(self, runtime: ContainerRuntime, bench: Bench, pull: str) -> None:
        """A start fetches its image, and says so."""
        image = self.pullable(runtime, bench)
        heard: list[ProgressEvent] = []
        options = bench.options(image_name=image, pull=pull)
        workspace = runtime.start_workspace(options, heard.append, timeout=LIMIT)
        assert bench.info(workspace).image == image
        assert any("Pulling" in event.step for event in heard)

    def test_start_pulls_nothing_when_told_so(self, runtime: ContainerRuntime, bench: Bench) -> None:
        """With ``pull="never"`` an image that only a registry has is missing."""
        options = bench.options(image_name=self.pullable(runtime, bench), pull="never")
        with pytest.raises(ImageNotFoundError):
            runtime.start_workspace(options, timeout=LIMIT)
        bench.assert_nothing_of(options)
