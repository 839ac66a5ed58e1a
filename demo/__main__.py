"""The main job, as an editor does it: ``python -m demo``."""

from __future__ import annotations

import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

from dvm_runtimes.discovery.factory import create_runtime
from dvm_runtimes.errors import DvmError

from . import image, outside, terminal
from .editor import Editor, Message
from .engines import Selection, select_engine
from .errors import DemoError
from .transcript import Transcript

SAMPLE = Path(__file__).parent / "sample"
FIELDS = ("name", "status", "exitCode")
"""The members of a workspace that the transcript shows."""


def main() -> int:
    transcript = Transcript()
    transcript.text("DVM: one session of an editor, from an empty engine back to an empty engine.")
    try:
        with select_engine(transcript) as engine, tempfile.TemporaryDirectory(prefix="dvm-demo-") as scratch:
            Demo(transcript, engine, Path(scratch)).run()
    except (DvmError, DemoError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    transcript.text("Nothing is left: no workspace, no image, no process.")
    return 0


class Demo:
    """The steps, in order, on one engine."""

    def __init__(self, transcript: Transcript, engine: Selection, scratch: Path) -> None:
        self.transcript = transcript
        self.engine = engine
        self.scratch = scratch
        self.name = f"dvm-demo-{secrets.token_hex(3)}"
        self.editor = Editor(SAMPLE, engine.environment, transcript.output)

    def run(self) -> None:
        """Run all steps. Whatever happens, end the server and remove what was made."""
        try:
            self.connect()
            self.build()
            self.start()
            self.execute()
            self.open_terminal()
            self.kill_from_outside()
            self.remove()
        finally:
            self.editor.kill()
            self.clean_up()

    def connect(self) -> None:
        self.transcript.step("The editor starts dvm-server and lists the engines of this machine.")
        server = self.editor.initialize()["serverInfo"]
        self.transcript.received("initialize", f"{server['name']} {server['version']}, process {self.editor.pid}")
        self.transcript.sent("dvm.platform.list", {})
        for platform in self.editor.command("dvm.platform.list"):
            state = platform["version"] if platform["reachable"] else platform["problem"] or "does not answer"
            self.transcript.output(f"{platform['type']:<11} {platform['name']:<30} {state}")
        runtime = self._command("dvm.runtime.select", {"runtime": self.engine.which})
        self.transcript.received("runtime", f"{runtime['platformName']} {runtime['version']}")

    def build(self) -> None:
        self.transcript.step("It builds an image.")
        self.transcript.text(image.write(self.scratch, mock=self.engine.mock))
        built = self._command("dvm.image.build", {"imageName": image.IMAGE, "buildContext": str(self.scratch)})
        self.transcript.received("image", {"id": built["id"][:19], "tags": built["tags"]})

    def start(self) -> None:
        self.transcript.step("It starts a workspace with the sample app mounted.")
        options: Message = {"imageName": image.IMAGE, "workspaceName": "dev", "appName": "sample"}
        options |= {"containerName": self.name, "appPath": str(SAMPLE)}
        self._workspace("dvm.workspace.start", options)

    def execute(self) -> None:
        self.transcript.step("It runs a command in the workspace.")
        command = {"workspace": self.name, "command": ["sh", "/workspace/greet.sh"]}
        result = self._command("dvm.workspace.exec", command)
        self.transcript.output(result["stdout"] + result["stderr"])
        self.transcript.received("exit code", str(result["exitCode"]))
        if result["exitCode"]:
            raise DemoError(f"the sample app failed in the workspace with exit code {result['exitCode']}")

    def open_terminal(self) -> None:
        self.transcript.step("It opens a terminal in the workspace.")
        program = self._command("dvm.workspace.attach", {"workspace": self.name})
        self.transcript.received("program", {"program": Path(program["program"]).name, "args": program["args"]})
        screen, code = terminal.session(program, self.engine.environment, ["cd /workspace", "ls", "exit 7"])
        self.transcript.output(screen)
        if code != 7:
            raise DemoError(f"the terminal ended with code {code}; its shell ended with 7")
        self.transcript.text(f"The terminal ended with the shell's own exit code: {code}")

    def kill_from_outside(self) -> None:
        self.transcript.step("Somebody else kills the container, and the editor is notified.")
        self.editor.drop_notifications()
        if self.engine.mock:
            # The mock's containers are in the server's memory: nobody reaches them but through a terminal of it.
            program = self.editor.command("dvm.workspace.attach", {"workspace": self.name})
            self.transcript.text(outside.kill_in_terminal(program, self.engine))
        else:
            self.transcript.text(outside.kill(self.engine, self.name))
        change = self.editor.notification("dvm/workspaceChanged", self._has_ended)
        if change is None:
            status = self.editor.command("dvm.workspace.status", {"workspace": self.name})["status"]
            raise DemoError(f"dvm-server sent no dvm/workspaceChanged after the kill; the workspace is {status}")
        self.transcript.received(
            "dvm/workspaceChanged", {"cause": change["cause"], **self._summary(change["workspace"])}
        )

    def remove(self) -> None:
        self.transcript.step("It starts the workspace again, then stops and removes everything.")
        for command in ("start", "stop", "remove"):
            self._workspace(f"dvm.workspace.{command}", {"workspace": self.name})
        self.clean_up()
        code = self.editor.close()
        self.transcript.received("exit", f"dvm-server ended with code {code}")
        if code:
            raise DemoError(f"dvm-server ended with code {code}")

    def clean_up(self) -> None:
        """Remove the workspace and the image where they exist. Those of the mock end with the server."""
        if self.engine.mock:
            return
        overrides: dict[str, Any] = {"endpoint": self.engine.endpoint} if self.engine.own else {}
        with create_runtime(self.engine.which, **overrides) as runtime:
            if runtime.find_workspace(self.name):
                runtime.remove_workspace(self.name, force=True)
            if runtime.image_exists(image.IMAGE):
                runtime.remove_image(image.IMAGE, force=True)

    def _has_ended(self, change: Message) -> bool:
        workspace: Message = change["workspace"]
        return workspace["name"] == self.name and workspace["status"] in ("exited", "dead")

    def _command(self, name: str, argument: Message) -> Message:
        self.transcript.sent(name, argument)
        result: Message = self.editor.command(name, argument)
        return result

    def _workspace(self, command: str, argument: Message) -> None:
        self.transcript.received("workspace", self._summary(self._command(command, argument)))

    @staticmethod
    def _summary(workspace: Message) -> Message:
        return {key: workspace[key] for key in FIELDS if workspace[key] is not None}


if __name__ == "__main__":
    sys.exit(main())
