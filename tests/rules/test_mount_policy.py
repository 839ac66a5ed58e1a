"""Which host paths may be bound: a table of attacks, and of what must not be refused."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from dvm_runtimes.errors import InvalidOptionError
from dvm_runtimes.validation.mount_policy import PERSONAL_PATHS, check_bind_source


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home" / "ada"
    home.mkdir(parents=True)
    return home


REFUSED = [
    "",
    "   ",
    "/",
    "//",
    "/.",
    "/etc",
    "/etc/",
    "//etc",
    "/etc/..",
    "/etc/passwd",
    "/tmp/../etc",
    "/proc/self/mem",
    "/dev/null",
    "/sys",
    "/var/lib",
    "/run",
    "/usr",
    "/usr/bin/env",
    "/bin",
    "/lib",
    "/boot",
    "relative/path",
    "../../etc",
    "/no/such/path",
    "/tmp/no-such; rm -rf ~",
    "/tmp/$(id)",
    "/tmp/a\nb",
    "/tmp/a\0b",
    "/" + "x/" * 2100,
]


@pytest.mark.parametrize("below", ["", "..", ".config", ".local", ".local/share", "link to home"])
def test_the_home_folder_has_to_be_allowed(home: Path, tmp_path: Path, below: str) -> None:
    for inside in (".config/gcloud", ".local/share"):
        (home / inside).mkdir(parents=True)
    (tmp_path / "link").symlink_to(home)
    folder = tmp_path / "link" if below == "link to home" else home / below
    with pytest.raises(InvalidOptionError, match="could read your keys") as caught:
        check_bind_source(folder, "app_path", home=home)
    assert "`allow_home`" in caught.value.hint
    assert check_bind_source(folder, "app_path", home=home, allow_home=True) == Path(os.path.realpath(folder))


def test_keys_are_refused_even_where_the_home_folder_is_allowed(home: Path) -> None:
    (home / ".ssh").mkdir()
    with pytest.raises(InvalidOptionError, match="never mounted"):
        check_bind_source(home / ".ssh", "app_path", home=home, allow_home=True)


@pytest.mark.parametrize("source", REFUSED)
def test_refused(source: str, home: Path) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        check_bind_source(source, "mounts[0].source", home=home)
    assert caught.value.field == "mounts[0].source"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("personal", PERSONAL_PATHS)
@pytest.mark.parametrize("below", ["", "/inside"])
def test_personal_paths_are_refused(personal: str, below: str, home: Path) -> None:
    path = home / (personal + below)
    path.mkdir(parents=True)
    with pytest.raises(InvalidOptionError, match="personal secrets"):
        check_bind_source(path, "app_path", home=home)


@pytest.mark.parametrize("target", ["/etc", "/proc", "/", "/etc/passwd", "home/.ssh"])
def test_links_are_followed_before_the_check(target: str, home: Path, tmp_path: Path) -> None:
    (home / ".ssh").mkdir()
    link = tmp_path / "innocent"
    link.symlink_to(home / ".ssh" if target == "home/.ssh" else target)
    with pytest.raises(InvalidOptionError, match="leads to"):
        check_bind_source(link, "app_path", home=home)


@pytest.mark.parametrize("personal", PERSONAL_PATHS)
def test_a_link_to_personal_secrets_is_refused(personal: str, home: Path, tmp_path: Path) -> None:
    (home / personal).mkdir(parents=True)
    link = tmp_path / "innocent"
    link.symlink_to(home / personal)
    with pytest.raises(InvalidOptionError, match="leads to"):
        check_bind_source(link, "app_path", home=home)


@pytest.mark.parametrize("way", ["../../etc", "sub/../../../../../../../../etc"])
def test_a_climb_is_refused(way: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    deep = "/".join([str(tmp_path), *[".."] * len(tmp_path.parts), way.lstrip("./")])
    with pytest.raises(InvalidOptionError, match=r"cannot be mounted|system path"):
        check_bind_source(deep, "app_path", home=home)


def test_a_link_in_the_middle_is_followed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to("/etc")
    with pytest.raises(InvalidOptionError, match="system path"):
        check_bind_source(tmp_path / "way" / "ssl", "app_path", home=home)


def test_a_circle_of_links_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InvalidOptionError, match="cannot be mounted"):
        check_bind_source(tmp_path / "a", "app_path", home=home)


def test_engine_sockets_are_refused_wherever_they_are(home: Path, tmp_path: Path) -> None:
    socket = tmp_path / "docker.sock"
    socket.touch()
    with pytest.raises(InvalidOptionError, match="control of this machine"):
        check_bind_source(socket, "mounts[1].source", home=home)


@pytest.mark.parametrize("name", ["shop", "a..b", "with blank", "snow-\u2603", "-dash", "quote'd"])
def test_projects_are_accepted(name: str, home: Path) -> None:
    project = home / name
    project.mkdir()
    assert check_bind_source(project, "app_path", home=home) == Path(os.path.realpath(project))


def test_temporary_folders_are_accepted(home: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert check_bind_source(folder, "app_path", home=home).is_dir()


def test_a_link_to_a_project_gives_the_real_path(home: Path) -> None:
    (home / "real").mkdir()
    (home / "link").symlink_to(home / "real")
    assert check_bind_source(home / "link", "app_path", home=home).name == "real"


def test_a_home_below_a_system_folder_is_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    # root's own home is /root, which is closed to everybody else.
    project = Path(tempfile.mkdtemp(dir="/usr/local/src" if os.access("/usr/local/src", os.W_OK) else None))
    try:
        assert check_bind_source(project, "app_path", home=project.parent) == project
    finally:
        project.rmdir()
