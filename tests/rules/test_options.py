"""Options refuse what no engine could take, and say which field and why."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvm_runtimes import AttachOptions, BuildOptions, ExecOptions, InvalidOptionError, Mount, Port, StartOptions
from dvm_runtimes.validation.environment import read_env_file
from dvm_runtimes.validation.naming import Identity
from dvm_runtimes.validation.quantities import check_cpus, parse_memory


def start(**values: Any) -> StartOptions:
    return StartOptions(**{"image_name": "debian:12", "workspace_name": "dev", **values})


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", None),
        (None, None),
        ("512m", 512 * 1024**2),
        ("512M", 512 * 1024**2),
        ("2g", 2 * 1024**3),
        ("2G", 2 * 1024**3),
        ("8192k", 8192 * 1024),
        ("536870912", 536870912),
        (536870912, 536870912),
        ("4m", 4 * 1024**2),
        ("4mb", 4 * 1024**2),
        (" 4m ", 4 * 1024**2),
    ],
)
def test_memory_accepted(text: str | int | None, size: int | None) -> None:
    assert parse_memory(text) == size
    assert start(memory=text).memory == size


@pytest.mark.parametrize(
    "text",
    ["abc", "-1m", "1.5g", "1m", "1024", "0", "4mm", "9" * 40, "9" * 20 + "g", "4 m", "m", "4t", "4Mi", True, 1.5],
)
def test_memory_refused(text: Any) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        start(memory=text)
    assert caught.value.field == "memory"
    assert repr(text)[:20] in str(caught.value)


@pytest.mark.parametrize(("value", "share"), [(None, None), (0, None), (0.5, 0.5), (1.5, 1.5), (1024, 1024.0)])
def test_cpus_accepted(value: float | None, share: float | None) -> None:
    assert check_cpus(value) == share


@pytest.mark.parametrize("value", [-1, -0.1, 1025, math.nan, math.inf, -math.inf, "2", True])
def test_cpus_refused(value: Any) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        start(cpus=value)
    assert caught.value.field == "cpus"


@pytest.mark.parametrize("mode", ["", "bridge", "none", "host", "my-net", "my.net.v2", "my_net", "n1", "n" * 128])
def test_network_accepted(mode: str) -> None:
    assert start(network_mode=mode).network_mode == mode


@pytest.mark.parametrize("mode", ["-x", ".x", "a b", "a/b", "a@b!", "n" * 129, "container:abc", "a\n"])
def test_network_refused(mode: str) -> None:
    with pytest.raises(InvalidOptionError, match="network_mode"):
        start(network_mode=mode)


@pytest.mark.parametrize(
    "image",
    [
        "debian",
        "debian:12",
        "lab/app:1",
        "localhost:5000/lab/app:v1.2_3",
        "registry.example/team/app@sha256:" + "a" * 64,
        "sha256:" + "0" * 64,
        "0123456789ab",
        "a--b/c__d:tag",
    ],
)
def test_image_accepted(image: str) -> None:
    assert start(image_name=image).image_name == image


@pytest.mark.parametrize(
    "image", ["", " ", "Debian", "deb ian", "debian:", ":12", "-x", "a//b", "a:b:c", "--privileged", "a\nb"]
)
def test_image_refused(image: str) -> None:
    with pytest.raises(InvalidOptionError, match="image_name"):
        start(image_name=image)


@pytest.mark.parametrize("name", ["a", "dvm-shop-dev", "A_b.c-d", "x" * 128])
def test_container_name_accepted(name: str) -> None:
    assert start(container_name=name).name == name


@pytest.mark.parametrize("name", ["-a", ".a", "a b", "a/b", "a;b", "$(id)", "x" * 129, "ä"])
def test_container_name_refused(name: str) -> None:
    with pytest.raises(InvalidOptionError, match="container_name"):
        start(container_name=name)


@pytest.mark.parametrize(
    "values", [{}, {"workspace_name": "  "}, {"workspace_name": "a\nb"}, {"workspace_name": "x" * 129}]
)
def test_a_workspace_needs_a_name(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError, match="workspace_name"):
        StartOptions(image_name="debian", **values)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"workspace_name": "dev"}, "dvm-dev"),
        ({"app_name": "shop", "workspace_name": "dev"}, "dvm-shop-dev"),
        ({"ecosystem_name": "eco", "app_name": "shop", "workspace_name": "dev"}, "dvm-eco-shop-dev"),
        ({"domain_name": "dom", "app_name": "shop", "workspace_name": "dev"}, "dvm-dom-shop-dev"),
        (
            {
                "ecosystem_name": "Eco",
                "domain_name": "dom",
                "system_name": "sys",
                "app_name": "shop",
                "workspace_name": "Dev",
            },
            "dvm-eco-dom-sys-shop-dev",
        ),
        ({"app_name": "My Shop!", "workspace_name": "feature/x"}, "dvm-my-shop-feature-x"),
        ({"container_name": "mine", "workspace_name": "dev"}, "mine"),
        ({"container_name": "mine"}, "mine"),
    ],
)
def test_names(values: dict[str, Any], name: str) -> None:
    assert StartOptions(image_name="debian", **values).name == name


@given(st.builds(Identity, *[st.text("abc-XY ", max_size=8)] * 7))
def test_identity_survives_labels(identity: Identity) -> None:
    assert Identity.of(identity.labels()) == identity


@pytest.mark.parametrize("uid", [-1, 2**31, True, "0", 1.0])
def test_ids_refused(uid: Any) -> None:
    for name in ("uid", "gid"):
        with pytest.raises(InvalidOptionError, match=name):
            start(**{name: uid})
        with pytest.raises(InvalidOptionError, match=name):
            ExecOptions(**{name: uid})
        with pytest.raises(InvalidOptionError, match=name):
            AttachOptions(**{name: uid})


@pytest.mark.parametrize(
    "values",
    [
        {"type": "bound", "source": "/a", "destination": "/b"},
        {"source": "", "destination": "/b"},
        {"source": "/a", "destination": "b"},
        {"source": "/a", "destination": ""},
        {"source": "/a", "destination": "/"},
        {"source": "/a", "destination": "/x/.."},
        {"source": "/a", "destination": "/b\0"},
        {"type": "tmpfs", "source": "/a", "destination": "/b"},
        {"type": "volume", "source": "", "destination": "/b"},
        {"type": "volume", "source": "/abs", "destination": "/b"},
    ],
)
def test_mounts_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError, match=r"mounts\."):
        Mount(**values)


def test_a_destination_is_mounted_once() -> None:
    with pytest.raises(InvalidOptionError, match="mounted twice"):
        start(mounts=[Mount("/a", "/x"), Mount("/b", "/x/")])
    with pytest.raises(InvalidOptionError, match="mounted twice"):
        start(app_path="/a", mounts=[Mount("/b", "/workspace")])


@pytest.mark.parametrize(
    "values",
    [
        {"container": 0},
        {"container": 65536},
        {"container": "80"},
        {"container": True},
        {"container": 80, "host": 0},
        {"container": 80, "host_ip": "localhost"},
        {"container": 80, "host_ip": ""},
        {"container": 80, "protocol": "sctp"},
    ],
)
def test_ports_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError, match=r"ports\."):
        Port(**values)


def test_ports_stay_on_loopback_by_default() -> None:
    assert Port(80).host_ip == "127.0.0.1"


@pytest.mark.parametrize(
    "env",
    [{"": "x"}, {"A=B": "x"}, {"A B": "x"}, {"A\nB": "x"}, {"DVM_APP": "x"}, {"A": "x\0"}, {"A": "\udcff"}, {"A": 1}],
)
def test_env_refused(env: Any) -> None:
    for options in (start, ExecOptions, AttachOptions):
        with pytest.raises(InvalidOptionError, match="env"):
            options(env=env)


def test_secrets_are_in_no_error_and_no_repr() -> None:
    with pytest.raises(InvalidOptionError) as caught:
        start(env={"TOKEN": "hunter2\0"})
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(start(env={"TOKEN": "hunter2"}))
    assert "hunter2" not in repr(ExecOptions(env={"TOKEN": "hunter2"}))
    assert "hunter2" not in repr(BuildOptions(image_name="a", app_path="/a", build_args={"TOKEN": "hunter2"}))


@pytest.mark.parametrize(
    "labels", [{"io.devopsmaestro.managed": "false"}, {"": "x"}, {"a b\n": "x"}, {"a": "\0"}, {"a": "\ud800"}, {"a": 1}]
)
def test_labels_refused(labels: Any) -> None:
    with pytest.raises(InvalidOptionError, match="labels"):
        start(labels=labels)


@pytest.mark.parametrize(
    "values",
    [
        {"command": "make test"},
        {"command": []},
        {"command": ["a\0"]},
        {"command": ["\ud800"]},
        {"platform": "\ud800"},
        {"working_dir": "relative"},
        {"pull": "sometimes"},
        {"on_drift": "explode"},
        {"ttl": 0},
        {"ttl": -1},
        {"pids_limit": 0},
        {"extra_hosts": {"a b": "1.2.3.4"}},
        {"cap_add": "NET_RAW"},
    ],
)
def test_other_values_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        start(**values)
    assert caught.value.field in values


def test_an_invalid_option_is_a_value_error_with_a_field() -> None:
    with pytest.raises(ValueError, match="memory='lots'"):
        start(memory="lots")


def test_options_cannot_be_changed() -> None:
    options = start(env={"A": "1"}, labels={"l": "1"})
    with pytest.raises(AttributeError):
        options.memory = "1g"  # type: ignore[misc]
    with pytest.raises(TypeError):
        options.env["B"] = "2"  # type: ignore[index]


def test_env_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HERE", "here")
    monkeypatch.delenv("NOT_HERE", raising=False)
    file = tmp_path / "env"
    file.write_text("# comment\n\nA=1\nB='quoted' = kept\nC=\nFROM_HERE\nNOT_HERE\n")
    assert read_env_file(file) == {"A": "1", "B": "'quoted' = kept", "C": "", "FROM_HERE": "here"}


@pytest.mark.parametrize("text", ["=x\n", "A B=1\n", "DVM_X=1\n"])
def test_env_files_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(text)
    with pytest.raises(InvalidOptionError, match="env_file"):
        read_env_file(file)


def test_a_missing_or_binary_env_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="No such file"):
        read_env_file(tmp_path / "none")
    (tmp_path / "binary").write_bytes(os.urandom(64) + b"\xff\xfe")
    with pytest.raises(InvalidOptionError, match="UTF-8"):
        read_env_file(tmp_path / "binary")


def test_a_build_needs_a_folder() -> None:
    with pytest.raises(InvalidOptionError, match="app_path"):
        BuildOptions(image_name="a")
