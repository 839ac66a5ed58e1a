"""The main job, as an editor does it: ``python -m demo``."""

from __future__ import annotations

import secrets
import sys
import tempfile
from pathlib import Path

from dvm_runtimes.discovery.factory import create_runtime
from dvm_runtimes.errors import DvmError

from . import image, outside, terminal
from .editor import Editor, EditorError, Message
from .engines import Chosen, chosen
from .transcript import Transcript

SAMPLE = Path(__file__).parent / "sample"
SHOWN = ("name", "status", "exitCode")


def main() -> int:
    transcript = Transcript()
    transcript.say("DVM: one session of an editor, from nothing to nothing.")
    try:
        with chosen(transcript) as engine, tempfile.TemporaryDirectory(prefix="dvm-demo-") as scratch:
            Demo(transcript, engine, Path(scratch)).run()
    except (DvmError, EditorError, terminal.TerminalError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    transcript.say("Nothing is left: no workspace, no image, no process.")
    return 0


class Demo:
    """The steps, in order, on one engine."""

    def __init__(self, transcript: Transcript, engine: Chosen, scratch: Path) -> None:
        self.transcript = transcript
        self.engine = engine
        self.scratch = scratch
        self.name = f"dvm-demo-{secrets.token_hex(3)}"
        self.editor = Editor(SAMPLE, engine.environment, lambda step: transcript.output(step))

    def run(self) -> None:
        """All of it. Whatever happens, the server is ended and what was made is removed."""
        try:
            self.connect()
            self.build()
            self.start()
            self.execute()
            self.open_terminal()
            self.be_killed()
            self.remove()
        finally:
            self.editor.end()
            self.clean_up()

    def connect(self) -> None:
        self.transcript.step("The editor starts dvm-server and asks what this machine has.")
        server = self.editor.initialize()["serverInfo"]
        self.transcript.told("initialize", f"{server['name']} {server['version']}, process {self.editor.pid}")
        self.transcript.asked("dvm.platform.list", {})
        for platform in self.editor.command("dvm.platform.list"):
            state = platform["version"] if platform["reachable"] else platform["problem"] or "does not answer"
            self.transcript.output(f"{platform['type']:<11} {platform['name']:<30} {state}")
        self.transcript.asked("dvm.runtime.select", {"runtime": self.engine.which})
        runtime = self.editor.command("dvm.runtime.select", {"runtime": self.engine.which})
        self.transcript.told("", f"{runtime['platformName']} {runtime['version']}")

    def build(self) -> None:
        self.transcript.step("It builds an image.")
        self.transcript.say(image.write(self.scratch, mock=self.engine.mock))
        built = self._command("dvm.image.build", {"imageName": image.IMAGE, "buildContext": str(self.scratch)})
        self.transcript.told("image", {"id": built["id"][:19], "tags": built["tags"]})

    def start(self) -> None:
        self.transcript.step("It starts a workspace with the sample app mounted.")
        options: Message = {"imageName": image.IMAGE, "workspaceName": "dev", "appName": "sample"}
        options |= {"containerName": self.name, "appPath": str(SAMPLE)}
        self._told(self._command("dvm.workspace.start", options))

    def execute(self) -> None:
        self.transcript.step("It runs a command in it.")
        command = {"workspace": self.name, "command": ["sh", "/workspace/greet.sh"]}
        done = self._command("dvm.workspace.exec", command)
        self.transcript.output(done["stdout"] + done["stderr"])
        self.transcript.told("exit code", str(done["exitCode"]))
        if done["exitCode"]:
            raise EditorError("the sample app failed in the workspace.")

    def open_terminal(self) -> None:
        self.transcript.step("It opens a terminal in it.")
        if self.engine.mock:
            self.transcript.say("Left out: the mock is in the server's own memory, and no other program can get in.")
            return
        program = self._command("dvm.workspace.attach", {"workspace": self.name})
        self.transcript.told("", {"program": Path(program["program"]).name, "args": program["args"]})
        shown, code = terminal.session(program, self.engine.environment, ["cd /workspace", "ls", "exit 7"])
        self.transcript.output(shown)
        self.transcript.say(f"The terminal ended with the shell's own exit code: {code}")

    def be_killed(self) -> None:
        self.transcript.step("Somebody else kills the container, and the editor is told.")
        self.editor.forget()
        if self.engine.mock:
            self.transcript.say("(On the mock, a command inside ends it.)")
            self._command("dvm.workspace.exec", {"workspace": self.name, "command": ["kill", "1"]})
        else:
            self.transcript.say(outside.kill(self.engine, self.name))
        change = self.editor.hear("dvm/workspaceChanged", self._is_over)
        self.transcript.told("dvm/workspaceChanged", {"cause": change["cause"], **self._brief(change["workspace"])})

    def remove(self) -> None:
        self.transcript.step("It starts the workspace again, then stops and removes everything.")
        self._told(self._command("dvm.workspace.start", {"workspace": self.name}))
        self._told(self._command("dvm.workspace.stop", {"workspace": self.name}))
        self._told(self._command("dvm.workspace.remove", {"workspace": self.name}))
        self.clean_up()
        self.transcript.told("exit", f"dvm-server ended with code {self.editor.close()}")

    def clean_up(self) -> None:
        """Remove the workspace and the image, as far as they are there."""
        if self.engine.mock:
            return
        which = {"endpoint": self.engine.endpoint} if self.engine.own else {}
        with create_runtime(self.engine.which, **which) as runtime:
            if runtime.find_workspace(self.name):
                runtime.remove_workspace(self.name, force=True)
            if runtime.image_exists(image.IMAGE):
                runtime.remove_image(image.IMAGE, force=True)

    def _is_over(self, change: Message) -> bool:
        workspace: Message = change["workspace"]
        return workspace["name"] == self.name and workspace["status"] in ("exited", "dead")

    def _command(self, name: str, argument: Message) -> Message:
        self.transcript.asked(name, argument)
        result: Message = self.editor.command(name, argument)
        return result

    def _told(self, workspace: Message) -> None:
        self.transcript.told("workspace", self._brief(workspace))

    @staticmethod
    def _brief(workspace: Message) -> Message:
        return {key: workspace[key] for key in SHOWN if workspace[key] is not None}


if __name__ == "__main__":
    sys.exit(main())
