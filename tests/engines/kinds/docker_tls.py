"""Docker Engine behind ``tcp://`` with TLS: it shows a certificate, and lets nobody in who has none."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.engines.bridges import make_bridge
from tests.engines.docker_api import loopback_address, started
from tests.engines.keeping import Kept, Process
from tests.engines.kinds import docker
from tests.engines.registry import STREAMS, EngineKind, RunningEngine

PORT = 2376
PROGRAMS = {**docker.PROGRAMS, "openssl": "openssl"}


class DockerTls(EngineKind):
    name = "docker-tls"
    runtime = "docker"
    programs = PROGRAMS
    order = 13
    suite = STREAMS

    def run(self, folder: Path) -> RunningEngine:
        address = loopback_address()
        certificates = make_certificates(folder / "certificates", address)
        socket = folder / "docker.sock"
        (folder / "none.json").write_text("{}")
        bridge = make_bridge()
        argv = (
            *docker.arguments(folder, socket),
            *docker.network(bridge),
            f"--host=tcp://{address}:{PORT}",
            "--tlsverify",
            f"--tlscacert={certificates}/ca.pem",
            f"--tlscert={certificates}/server.pem",
            f"--tlskey={certificates}/server-key.pem",
        )
        endpoint = f"tcp://{address}:{PORT}"
        environment = {
            **docker.client_environment(folder, endpoint),
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(certificates),
        }
        kept = Kept(folder, [Process(argv, ready=("http", str(socket)))], docker.PRIVATE, bridge=bridge)
        return started(self, kept, socket, environment, endpoint=endpoint)


def make_certificates(folder: Path, address: str) -> Path:
    """An authority, the engine's certificate by it, and a client's, named as ``DOCKER_CERT_PATH`` wants them."""
    folder.mkdir()
    new = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"]

    def run(*argv: str) -> None:
        subprocess.run(argv, cwd=folder, check=True, capture_output=True)

    run(*new, "-x509", "-days", "2", "-subj", "/CN=DVM test authority", "-keyout", "ca-key.pem", "-out", "ca.pem")
    for name, use in (("server", "serverAuth"), ("client", "clientAuth")):
        (folder / "extensions").write_text(f"subjectAltName=IP:{address}\nextendedKeyUsage={use}\n")
        run(*new, "-subj", f"/CN=DVM test {name}", "-keyout", f"{name}-key.pem", "-out", f"{name}.csr")
        signed = ("-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2")
        run("openssl", "x509", "-req", *signed, "-extfile", "extensions", "-out", f"{name}.pem")
    (folder / "client.pem").rename(folder / "cert.pem")
    (folder / "client-key.pem").rename(folder / "key.pem")
    return folder


KINDS: list[EngineKind] = [DockerTls()]
