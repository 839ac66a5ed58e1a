"""Which Docker is meant, how it is spoken to, and what is said of it."""

from __future__ import annotations

import hashlib
import json
import socket
import threading

import pytest

from dvm_runtimes.discovery.provider import NEVER
from dvm_runtimes.engines.docker_api import Endpoint, Tls
from dvm_runtimes.errors import InvalidOptionError, RuntimeUnavailableError
from dvm_runtimes.platforms.docker.contexts import current_context, read_contexts
from dvm_runtimes.platforms.docker.provider import DockerProvider

from .conftest import unprivileged
from .made_up import PATIENT, MadeUp

DOCKER = DockerProvider()


def context(made: MadeUp, name: str, host: str, *, skip_verify: bool = False, files: tuple[str, ...] = ()) -> None:
    """A context as ``docker context create`` makes it."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": skip_verify}}}
    made.write(f"~/.docker/contexts/meta/{digest}/meta.json", json.dumps(meta))
    for file in files:
        made.write(f"~/.docker/contexts/tls/{digest}/docker/{file}", "PEM")


def use(made: MadeUp, name: str) -> None:
    made.write("~/.docker/config.json", json.dumps({"currentContext": name, "auths": {}}))


# Contexts


def test_contexts_with_their_certificates(linux: MadeUp) -> None:
    context(linux, "prod", "tcp://10.0.0.1:2376", files=("ca.pem", "cert.pem", "key.pem"))
    context(linux, "lax", "tcp://10.0.0.2:2376", skip_verify=True)
    context(linux, "plain", "tcp://10.0.0.3:2375")
    folder = linux.home / ".docker/contexts/tls" / hashlib.sha256(b"prod").hexdigest() / "docker"

    found = {one.name: one for one in read_contexts(linux.machine)}

    assert list(found) == ["lax", "plain", "prod"]
    assert found["prod"].tls == Tls(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    assert found["lax"].tls == Tls(verify=False)
    assert found["plain"].tls is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"Name": "x"}', '{"Name": 7, "Endpoints": {"docker": {"Host": "unix:///x"}}}', "\xff"]
)
def test_broken_contexts_are_left_out(linux: MadeUp, text: str) -> None:
    file = linux.write("~/.docker/contexts/meta/abc/meta.json", "")
    file.write_bytes(text.encode("latin-1"))
    context(linux, "good", "unix:///x")

    assert [one.name for one in read_contexts(linux.machine)] == ["good"]


@pytest.mark.parametrize(
    ("env", "config", "current"),
    [
        ({}, None, ""),
        ({}, "default", ""),
        ({}, "work", "work"),
        ({"DOCKER_CONTEXT": "other"}, "work", "other"),
        ({"DOCKER_CONTEXT": "default"}, "work", ""),
    ],
)
def test_the_current_context(linux: MadeUp, env: dict[str, str], config: str | None, current: str) -> None:
    linux.env = env
    if config is not None:
        use(linux, config)

    assert current_context(linux.machine) == current


def test_docker_config_moves_it_all(linux: MadeUp) -> None:
    linux.env = {"DOCKER_CONFIG": str(linux.root / "cfg")}
    linux.write("/cfg/config.json", '{"currentContext": "work"}')
    linux.write(
        "/cfg/contexts/meta/x/meta.json", '{"Name": "work", "Endpoints": {"docker": {"Host": "unix:///w.sock"}}}'
    )

    assert DOCKER.select(linux.machine, "").endpoint == "unix:///w.sock"


def test_contexts_among_the_platforms(linux: MadeUp) -> None:
    linux.live("/var/run/docker.sock")
    linux.live("/srv/a.sock")
    context(linux, "a", f"unix://{linux.root}/srv/a.sock")
    context(linux, "remote", "tcp://127.0.0.1:1")
    context(linux, "same", f"unix://{linux.root}/var/run/docker.sock")

    assert linux.found() == ["docker:default", "docker:a", "(docker:remote)"]
    ranks = {one.selector: one.rank for one in linux.platforms()}
    assert ranks["docker:remote"] == NEVER, "another machine is used only when it is asked for"


def test_the_current_context_comes_first(linux: MadeUp) -> None:
    linux.live("/var/run/docker.sock")
    linux.live("/srv/a.sock")
    context(linux, "a", f"unix://{linux.root}/srv/a.sock")
    use(linux, "a")

    platforms = linux.platforms()

    assert [one.selector for one in platforms] == ["docker", "docker:default"]
    assert platforms[0].name == "Docker (context a)"
    assert platforms[0].active


# Which one is meant


def test_docker_host_comes_before_any_context(linux: MadeUp) -> None:
    context(linux, "a", "unix:///a.sock")
    use(linux, "a")
    linux.env = {"DOCKER_HOST": "unix:///h.sock", "DOCKER_CONTEXT": "a"}

    assert DOCKER.select(linux.machine, "").endpoint == "unix:///h.sock"
    assert DOCKER.select(linux.machine, "a").endpoint == "unix:///a.sock"


def test_what_the_user_chose_is_meant_even_if_it_is_dead(linux: MadeUp) -> None:
    linux.live("/var/run/docker.sock")
    linux.env = {"DOCKER_HOST": "unix:///h.sock"}

    assert DOCKER.select(linux.machine, "").endpoint == "unix:///h.sock"


def test_without_a_choice_the_one_that_answers(linux: MadeUp) -> None:
    linux.stale("~/.docker/desktop/docker.sock")
    linux.stale("/var/run/docker.sock")
    linux.live("/run/user/1234/docker.sock")

    assert DOCKER.select(linux.machine, "").profile == "rootless"


def test_with_none_that_answers_the_first_and_with_none_at_all_the_usual_place(linux: MadeUp) -> None:
    assert DOCKER.select(linux.machine, "").endpoint == f"unix://{linux.root}/var/run/docker.sock"
    linux.stale("/run/user/1234/docker.sock")
    assert DOCKER.select(linux.machine, "").profile == "rootless"


def test_a_context_that_is_not_there(linux: MadeUp) -> None:
    context(linux, "staging", "unix:///s.sock")

    with pytest.raises(RuntimeUnavailableError, match="has no 'stagin'") as caught:
        DOCKER.select(linux.machine, "stagin")
    assert "Did you mean 'staging'?" in caught.value.hint


# How it is spoken to


@pytest.mark.parametrize(
    ("env", "verify"), [({"DOCKER_TLS_VERIFY": "1"}, True), ({"DOCKER_TLS": "1"}, False), ({}, None)]
)
def test_docker_host_with_tls(linux: MadeUp, env: dict[str, str], verify: bool | None) -> None:
    certificates = linux.folder("/certs")
    (certificates / "ca.pem").write_text("PEM")
    linux.env = {"DOCKER_HOST": "tcp://engine.example:2376", "DOCKER_CERT_PATH": str(certificates), **env}

    platform = DOCKER.select(linux.machine, "")
    found = DOCKER.endpoint(platform, linux.machine)

    expected = None if verify is None else Tls(ca=certificates / "ca.pem", verify=verify)
    assert found.tls == expected
    assert (found.host, found.port) == ("engine.example", 2376)


def test_certificates_of_the_home_folder(linux: MadeUp) -> None:
    linux.write("~/.docker/cert.pem", "PEM")
    linux.env = {"DOCKER_HOST": "tcp://engine.example:2376", "DOCKER_TLS_VERIFY": "1"}

    found = DOCKER.endpoint(DOCKER.select(linux.machine, ""), linux.machine)

    assert found.tls == Tls(cert=linux.home / ".docker/cert.pem")


def test_certificates_of_a_context(linux: MadeUp) -> None:
    context(linux, "prod", "tcp://10.0.0.1:2376", files=("ca.pem",))

    found = DOCKER.endpoint(DOCKER.select(linux.machine, "prod"), linux.machine)

    assert found.tls is not None
    assert found.tls.ca is not None
    assert found.tls.ca.is_file()


def test_tls_where_none_is_spoken(linux: MadeUp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\nno TLS here")

        answering = threading.Thread(target=answer)
        answering.start()
        linux.env = {"DOCKER_HOST": f"tcp://127.0.0.1:{server.getsockname()[1]}", "DOCKER_TLS_VERIFY": "1"}
        told = DOCKER.probe(DOCKER.select(linux.machine, ""), linux.machine, PATIENT)
        answering.join(10)

    assert "does not agree on TLS" in told.problem


@pytest.mark.parametrize(
    "host", ["npipe:////./pipe/docker_engine", "carrier-pigeon://x", "tcp://", "unix://", "tcp://a b"]
)
def test_an_address_that_cannot_be(linux: MadeUp, host: str) -> None:
    """It is shown and explained, it hides nobody, and whoever insists on it is told."""
    linux.env = {"DOCKER_HOST": host}
    linux.live("/var/run/docker.sock")

    assert linux.found() == ["(docker)", "docker:default"]
    platform = DOCKER.select(linux.machine, "")
    assert DOCKER.probe(platform, linux.machine, PATIENT).problem.startswith("has an address that cannot be used")
    with pytest.raises(InvalidOptionError, match="DOCKER_HOST"):
        DOCKER.create(platform, linux.machine)


def test_overrides_that_there_are_not(linux: MadeUp) -> None:
    platform = DOCKER.select(linux.machine, "")

    with pytest.raises(InvalidOptionError, match="colour"):
        DOCKER.create(platform, linux.machine, colour="red")
    with pytest.raises(RuntimeUnavailableError, match=r"there is no socket at /nowhere\.sock"):
        DOCKER.create(platform, linux.machine, endpoint="/nowhere.sock")


# What is said of it


@pytest.mark.parametrize(
    ("socket_path", "name", "place", "start"),
    [
        ("/var/run/docker.sock", "Docker Engine", "here", "sudo service docker start"),
        ("/run/user/1234/docker.sock", "Docker Engine (rootless)", "here", "systemctl --user start docker"),
        ("~/.docker/desktop/docker.sock", "Docker Desktop", "vm", "systemctl --user start docker-desktop"),
        ("~/.rd/docker.sock", "Rancher Desktop", "vm", "rdctl start"),
        ("~/.lima/work/sock/docker.sock", "Lima (instance: work)", "vm", "limactl start work"),
    ],
)
def test_names_places_and_hints(linux: MadeUp, socket_path: str, name: str, place: str, start: str) -> None:
    linux.stale(socket_path)

    (platform,) = DOCKER.find(linux.machine)
    profile = DOCKER.profile(platform, linux.machine)

    assert platform.name == profile.platform_name == name
    assert profile.place == place
    assert start in profile.hints.start


def test_systemd_s_own_command_where_there_is_systemd(linux: MadeUp) -> None:
    linux.folder("/run/systemd/system")
    linux.stale("/var/run/docker.sock")

    (platform,) = linux.platforms()

    assert platform.hint == "Start it with `sudo systemctl start docker`."


def test_docker_desktop_in_wsl(linux: MadeUp) -> None:
    linux.live("/mnt/wsl/docker-desktop/shared-sockets/docker.sock")
    linux.link("/var/run/docker.sock", "/mnt/wsl/docker-desktop/shared-sockets/docker.sock")

    (platform,) = linux.platforms()

    assert (platform.name, platform.rank) == ("Docker Desktop", 30)


def test_an_engine_that_is_installed_and_does_not_run(linux: MadeUp, mac: MadeUp) -> None:
    assert linux.platforms() == mac.platforms() == []
    linux.plain_file("/usr/bin/dockerd")
    mac.folder("/Applications/Docker.app")

    assert [(one.name, one.problem, one.hint) for one in linux.platforms()] == [
        (
            "Docker Engine",
            f"is not running: there is no socket at {linux.root}/var/run/docker.sock",
            "Start it with `sudo service docker start`.",
        )
    ]
    assert [(one.name, one.hint) for one in mac.platforms()] == [
        ("Docker Desktop", "Start Docker Desktop: `open -a Docker`.")
    ]


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("tcp://127.0.0.1:2375", "here"),
        ("tcp://localhost:2375", "here"),
        ("tcp://10.1.2.3:2375", "remote"),
        ("ssh://localhost", "remote"),
        ("unix:///srv/x.sock", "here"),
    ],
)
def test_where_its_containers_run(linux: MadeUp, host: str, place: str) -> None:
    linux.env = {"DOCKER_HOST": host}

    assert DOCKER.profile(DOCKER.select(linux.machine, ""), linux.machine).place == place


def test_root_inside_a_rootless_engine_is_the_user(linux: MadeUp) -> None:
    linux.env = {"DOCKER_HOST": f"unix://{linux.root}/run/user/1234/docker.sock"}
    platform = DOCKER.select(linux.machine, "")

    assert DOCKER.profile(platform, linux.machine).user == (0, 0)
    assert platform.selector == "docker"


def test_install_hints(linux: MadeUp, mac: MadeUp) -> None:
    assert "docs.docker.com" in DOCKER.install_hint(linux.machine)
    assert "brew install" in DOCKER.install_hint(mac.machine)


def test_a_socket_without_permission(linux: MadeUp) -> None:
    linux.root.chmod(0o755)
    linux.live("/var/run/docker.sock").path.chmod(0o000)

    with unprivileged():
        (platform,) = linux.platforms()

    assert "you may not use its socket" in platform.problem
    assert "sudo usermod -aG docker" in platform.hint


def test_endpoints_stay_what_they_were(linux: MadeUp) -> None:
    linux.stale("/var/run/docker.sock")
    (platform,) = DOCKER.find(linux.machine)

    assert DOCKER.endpoint(platform, linux.machine) == Endpoint.parse(f"unix://{linux.root}/var/run/docker.sock")


def test_a_password_in_an_address_is_shown_to_nobody(linux: MadeUp) -> None:
    """Such an address cannot be used; it may still be somebody's secret."""
    linux.env = {"DOCKER_HOST": "tcp://ada:s3cret@10.0.0.7:2375", "CONTAINER_HOST": "ssh://ada:s3cret@10.0.0.8/p.sock"}
    context(linux, "c", "tcp://ada:s3cret@10.0.0.9:2375")

    platforms = linux.platforms()

    assert len(platforms) == 3
    assert "s3cret" not in str(platforms)
    assert all("password" in one.problem for one in platforms)
    with pytest.raises(InvalidOptionError) as caught:
        DOCKER.create(DOCKER.select(linux.machine, ""), linux.machine)
    assert "s3cret" not in f"{caught.value} {caught.value.to_dict()}"
