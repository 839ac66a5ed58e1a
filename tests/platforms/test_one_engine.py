"""One engine has one description and one exact name, by whatever path it is reached."""

from __future__ import annotations

import pytest

from dvm_runtimes.discovery import factory
from dvm_runtimes.discovery.choice import choose, platform_of
from dvm_runtimes.discovery.detection import detect_platform, detect_platforms
from dvm_runtimes.discovery.factory import create_runtime
from dvm_runtimes.discovery.provider import Machine
from dvm_runtimes.engines.docker_api import DockerProfile
from dvm_runtimes.engines.docker_api.provider import DockerApiProvider
from dvm_runtimes.infos import Platform
from dvm_runtimes.platforms.docker import DockerProvider
from dvm_runtimes.plugins import providers

from .made_up import OURS, PATIENT, MadeUp
from .test_docker_platform import context, use

DOCKER = DockerProvider()

PRODUCTS = {
    "desktop-linux": ("~/.docker/desktop/docker.sock", "Docker Desktop"),
    "rancher-desktop": ("~/.rd/docker.sock", "Rancher Desktop"),
    "lima-work": ("~/.lima/work/sock/docker.sock", "Lima (instance: work)"),
}


@pytest.fixture
def here(linux: MadeUp, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """This process searches that machine."""
    monkeypatch.setattr(Machine, "this", classmethod(lambda cls: linux.machine))
    keep = {name: one for name, one in providers().items() if name in (*OURS, "mock")}
    monkeypatch.setattr(factory, "providers_for", lambda which: keep)
    monkeypatch.setitem(detect_platforms.__globals__, "providers", lambda: keep)
    return linux


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
def test_a_product_is_described_as_itself(here: MadeUp, name: str, path: str, which: str) -> None:
    place, product = PRODUCTS[name]
    here.live(place)
    if path == "its own context":
        context(here, name, f"unix://{here.path(place)}")
        use(here, name)
    elif path == "DOCKER_HOST":
        here.env["DOCKER_HOST"] = f"unix://{here.path(place)}"
    else:
        here.link("/var/run/docker.sock", place)
        if path.startswith("DOCKER_HOST"):
            here.env["DOCKER_HOST"] = f"unix://{here.root}/var/run/docker.sock"

    platform, profile = described(here, which)

    assert platform.name == profile.platform_name == product
    assert profile.place == "vm", "so that workspaces run as 1000:1000, and bind no agent of this host"
    own = DOCKER.profile(DOCKER.select(here.machine, name), here.machine)
    assert profile._replace(hints=own.hints) == own
    assert profile.hints == own.hints
    reachable = [one for one in here.platforms() if one.reachable]
    assert [one.name for one in reachable] == [product], "one engine is one entry"


def test_a_product_by_its_context_at_another_place(here: MadeUp) -> None:
    here.live("/vol/desktop.sock")
    context(here, "desktop-linux", f"unix://{here.root}/vol/desktop.sock")
    use(here, "desktop-linux")

    platform, profile = described(here)

    assert (platform.name, platform.endpoint) == ("Docker Desktop", f"unix://{here.root}/vol/desktop.sock")
    assert (profile.place, profile.ssh_agent_socket) == ("vm", "/run/host-services/ssh-auth.sock")


def test_the_common_link_into_another_users_home(here: MadeUp) -> None:
    """As root, whose home holds no socket."""
    here.live("/home/bob/.rd/docker.sock")
    here.link("/var/run/docker.sock", "/home/bob/.rd/docker.sock")

    platform, profile = described(here)

    assert (platform.selector, platform.name, profile.place) == ("docker:default", "Rancher Desktop", "vm")


@pytest.mark.parametrize("which", ["auto", "docker"])
@pytest.mark.parametrize(
    ("name", "place", "found"),
    [
        ("colima", "~/.colima/default/docker.sock", "colima:default"),
        ("orbstack", "~/.orbstack/run/docker.sock", "orbstack"),
    ],
)
def test_the_current_context_of_another_provider(here: MadeUp, which: str, name: str, place: str, found: str) -> None:
    here.live(place)
    here.live("/var/run/docker.sock")
    context(here, name, f"unix://{here.path(place)}")
    use(here, name)

    platform, profile = described(here, which)

    assert (platform.selector, profile.place, profile.platform_type) == (found, "vm", found.partition(":")[0])


# Exact names


def test_an_exact_name_means_the_same_engine_under_other_settings(here: MadeUp) -> None:
    """`auto` used the default socket; another process has a DOCKER_HOST, and a context of that name elsewhere."""
    here.live("/var/run/docker.sock")
    here.live("/srv/other.sock")
    with create_runtime() as runtime:
        selector = runtime.selector
    here.env["DOCKER_HOST"] = f"unix://{here.root}/srv/other.sock"
    context(here, "default", f"unix://{here.root}/srv/other.sock")

    with create_runtime(selector) as again:
        assert (again.endpoint, again.platform_name) == (f"unix://{here.root}/var/run/docker.sock", "Docker Engine")
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
def test_what_a_runtime_says_of_itself_is_had_by_its_name(here: MadeUp, place: str, env: dict[str, str]) -> None:
    here.live(place)
    here.env = {key: value.format(root=here.root) for key, value in env.items()}
    with create_runtime() as runtime:
        first = (runtime.platform_type, runtime.endpoint, runtime.selector)
    here.env = {}

    with create_runtime(first[2]) as again:
        assert (again.platform_type, again.endpoint, again.selector) == first


def test_the_mock_by_its_exact_name() -> None:
    with create_runtime("mock:shared") as one, create_runtime(one.selector) as other:
        assert other.endpoint == one.endpoint == "mock://shared"


def test_places_that_are_links_stay_what_they_are(here: MadeUp) -> None:
    """A socket's folder may be a link, as /var/run is."""
    real = here.folder("/elsewhere")
    here.folder("/var")
    (here.root / "var/run").symlink_to(real)
    here.live("/var/run/docker.sock")

    platform, profile = described(here)

    assert (platform.selector, profile.place) == ("docker:default", "here")
