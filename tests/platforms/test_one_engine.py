"""One engine has one description and one exact name, by whatever path it is reached."""

from __future__ import annotations

import pytest

from dvm_runtimes.discovery.choice import choose, platform_of
from dvm_runtimes.discovery.detection import detect_platform
from dvm_runtimes.discovery.factory import create_runtime
from dvm_runtimes.engines.docker_api import DockerProfile
from dvm_runtimes.engines.docker_api.provider import DockerApiProvider
from dvm_runtimes.infos import Platform
from dvm_runtimes.platforms.docker import DockerProvider
from dvm_runtimes.plugins import providers

from .made_up import PATIENT, MadeUp
from .test_docker_platform import context, use

DOCKER = DockerProvider()

PRODUCTS = {
    "desktop-linux": ("~/.docker/desktop/docker.sock", "Docker Desktop"),
    "rancher-desktop": ("~/.rd/docker.sock", "Rancher Desktop"),
    "lima-work": ("~/.lima/work/sock/docker.sock", "Lima (instance: work)"),
}


def described(made: MadeUp, which: str = "auto") -> tuple[Platform, DockerProfile]:
    """What would be used, and how."""
    choice = choose(which, made.machine, providers())
    if choice.automatic:
        platform = detect_platform(made.machine, timeout=PATIENT)
        provider = providers()[platform.type]
    else:
        provider, platform = platform_of(choice, made.machine, providers())
    assert isinstance(provider, DockerApiProvider)
    return platform, provider.profile(platform, made.machine)


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize(
    "path", ["its own context", "DOCKER_HOST", "the common link", "DOCKER_HOST at the common link"]
)
@pytest.mark.parametrize("which", ["auto", "docker"])
def test_a_product_is_described_as_itself(searched: MadeUp, name: str, path: str, which: str) -> None:
    place, product = PRODUCTS[name]
    searched.live(place)
    if path == "its own context":
        context(searched, name, f"unix://{searched.path(place)}")
        use(searched, name)
    elif path == "DOCKER_HOST":
        searched.env["DOCKER_HOST"] = f"unix://{searched.path(place)}"
    else:
        searched.link("/var/run/docker.sock", place)
        if path.startswith("DOCKER_HOST"):
            searched.env["DOCKER_HOST"] = f"unix://{searched.root}/var/run/docker.sock"

    platform, profile = described(searched, which)

    assert platform.name == profile.platform_name == product
    assert profile.place == "vm", "so that workspaces run as 1000:1000, and bind no agent of this host"
    own = DOCKER.profile(DOCKER.select(searched.machine, name), searched.machine)
    assert profile._replace(hints=own.hints) == own
    assert profile.hints == own.hints
    reachable = [one for one in searched.platforms() if one.reachable]
    assert [one.name for one in reachable] == [product], "one engine is one entry"


def test_a_product_by_its_context_at_another_place(searched: MadeUp) -> None:
    searched.live("/vol/desktop.sock")
    context(searched, "desktop-linux", f"unix://{searched.root}/vol/desktop.sock")
    use(searched, "desktop-linux")

    platform, profile = described(searched)

    assert (platform.name, platform.endpoint) == ("Docker Desktop", f"unix://{searched.root}/vol/desktop.sock")
    assert (profile.place, profile.ssh_agent_socket) == ("vm", "/run/host-services/ssh-auth.sock")


def test_the_common_link_into_another_users_home(searched: MadeUp) -> None:
    """As root, whose home holds no socket."""
    searched.live("/home/bob/.rd/docker.sock")
    searched.link("/var/run/docker.sock", "/home/bob/.rd/docker.sock")

    platform, profile = described(searched)

    assert (platform.selector, platform.name, profile.place) == ("docker:default", "Rancher Desktop", "vm")


@pytest.mark.parametrize("which", ["auto", "docker"])
@pytest.mark.parametrize(
    ("name", "place", "found"),
    [
        ("colima", "~/.colima/default/docker.sock", "colima:default"),
        ("orbstack", "~/.orbstack/run/docker.sock", "orbstack"),
    ],
)
def test_the_current_context_of_another_provider(
    searched: MadeUp, which: str, name: str, place: str, found: str
) -> None:
    searched.live(place)
    searched.live("/var/run/docker.sock")
    context(searched, name, f"unix://{searched.path(place)}")
    use(searched, name)

    platform, profile = described(searched, which)

    assert (platform.selector, profile.place, profile.platform_type) == (found, "vm", found.partition(":")[0])


# Exact names


def test_an_exact_name_means_the_same_engine_under_other_settings(searched: MadeUp) -> None:
    """`auto` used the default socket; another process has a DOCKER_HOST, and a context of that name elsewhere."""
    searched.live("/var/run/docker.sock")
    searched.live("/srv/other.sock")
    with create_runtime() as runtime:
        selector = runtime.selector
    searched.env["DOCKER_HOST"] = f"unix://{searched.root}/srv/other.sock"
    context(searched, "default", f"unix://{searched.root}/srv/other.sock")

    with create_runtime(selector) as again:
        assert (again.endpoint, again.platform_name) == (f"unix://{searched.root}/var/run/docker.sock", "Docker Engine")
        assert again.selector == selector


@pytest.mark.parametrize(
    ("place", "env"),
    [
        ("/var/run/docker.sock", {}),
        ("~/.colima/work/docker.sock", {}),
        ("~/.orbstack/run/docker.sock", {}),
        ("~/.docker/desktop/docker.sock", {}),
        ("/run/user/1234/docker.sock", {}),
        ("~/.docker/run/docker.sock", {}),
        ("/srv/mine.sock", {"DOCKER_HOST": "unix://{root}/srv/mine.sock"}),
    ],
)
def test_what_a_runtime_says_of_itself_is_had_by_its_name(searched: MadeUp, place: str, env: dict[str, str]) -> None:
    searched.live(place)
    searched.env = {key: value.format(root=searched.root) for key, value in env.items()}
    with create_runtime() as runtime:
        first = (runtime.platform_type, runtime.endpoint, runtime.selector)
    searched.env = {}

    with create_runtime(first[2]) as again:
        assert (again.platform_type, again.endpoint, again.selector) == first


def test_the_mock_by_its_exact_name() -> None:
    with create_runtime("mock:shared") as one, create_runtime(one.selector) as other:
        assert other.endpoint == one.endpoint == "mock://shared"


def test_places_that_are_links_stay_what_they_are(searched: MadeUp) -> None:
    """A socket's folder may be a link, as /var/run is."""
    real = searched.folder("/elsewhere")
    searched.folder("/var")
    (searched.root / "var/run").symlink_to(real)
    searched.live("/var/run/docker.sock")

    platform, profile = described(searched)

    assert (platform.selector, profile.place) == ("docker:default", "here")
