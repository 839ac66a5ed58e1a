"""``dvm build``: build an image."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dvm_runtimes.cli.common_options import json_option, limits, runtime_option, timeout_option
from dvm_runtimes.cli.invocation import Invocation
from dvm_runtimes.cli.option_values import environment
from dvm_runtimes.errors import InvalidOptionError


@click.command("build")
@click.argument("app_path", metavar="[FOLDER]", default=".")
@click.option(
    "-t",
    "--tag",
    "tags",
    multiple=True,
    metavar="IMAGE",
    help="Image name; may repeat.  [default: dvm-FOLDER-HASH]",
)
@click.option("-f", "--file", "dockerfile", metavar="FILE", help="Dockerfile; may be outside of FOLDER.")
@click.option("--app-name", default="", metavar="TEXT", help="App, for the labels of the image.")
@click.option("--build-arg", "build_args", multiple=True, metavar="KEY[=VALUE]", help="Value of an ARG.")
@click.option("--target", default="", metavar="STAGE", help="Build stage to stop at.")
@click.option("--no-cache", is_flag=True, help="Do not use the build cache.")
@click.option("--pull", is_flag=True, help="Always pull newer base images.")
@click.option("--platform", default="", metavar="OS/ARCH", help="Platform, such as linux/arm64.")
@click.option("--secret", "secrets", multiple=True, metavar="id=ID,src=FILE", help="For RUN --mount=type=secret.")
@click.option("--ssh", multiple=True, metavar="ID", help="For RUN --mount=type=ssh, such as default.")
@timeout_option
@runtime_option
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    app_path: str,
    tags: tuple[str, ...],
    dockerfile: str | None,
    app_name: str,
    build_args: tuple[str, ...],
    target: str,
    no_cache: bool,
    pull: bool,
    platform: str,
    secrets: tuple[str, ...],
    ssh: tuple[str, ...],
    timeout: float | None,
    runtime: str | None,
) -> None:
    """Build an image from FOLDER, by default the current one. .dockerignore is applied.

    \b
      dvm build -t shop:dev && dvm up --image shop:dev --app .
    """
    from dvm_runtimes.cli.formatting import size
    from dvm_runtimes.cli.output import print_done, print_json
    from dvm_runtimes.cli.progress import showing
    from dvm_runtimes.cli.runtimes import open_runtime
    from dvm_runtimes.folders.identity import FolderIdentity
    from dvm_runtimes.options import BuildOptions

    first, *further = tags or (FolderIdentity.of(os.path.abspath(app_path)).image_name,)
    options = BuildOptions(
        image_name=first,
        app_path=app_path,
        app_name=app_name,
        dockerfile=dockerfile,
        tags=further,
        build_args=environment(build_args, "build_args"),
        target=target,
        no_cache=no_cache,
        pull=pull,
        platform=platform,
        secrets=dict(_secret(text) for text in secrets),
        ssh=ssh,
    )
    with open_runtime(invocation, runtime) as (chosen, cancel), showing(invocation, keep_steps=True) as report:
        image = chosen.build_image(options, report, cancel=cancel, **limits(timeout))
    if invocation.json:
        print_json(image.to_dict())
    else:
        print_done(first, f"is built ({size(image.size)})" if image.size else "is built")


def _secret(text: str) -> tuple[str, str]:
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    source = fields.get("src") or fields.get("source") or ""
    if not fields.get("id") or not source or fields.keys() - {"id", "src", "source", "type"}:
        raise InvalidOptionError("secrets", text, "write id=ID,src=FILE")
    return fields["id"], str(Path(source).absolute())
