import { type TerminalOptions, window } from "vscode";
import type { App } from "../app";
import type { Workspace } from "../protocol/types";
import { isRunning, pickWorkspace } from "../ui/pick";
import { terminalOptions } from "../ui/terminals";
import { mayStart } from "../ui/trust";
import type { Node } from "../views/nodes";

/** Open a terminal in a workspace. */
export async function attachTerminal(app: App, node?: Node): Promise<void> {
  if (!(await mayStart())) return;
  const workspace = await pickWorkspace(app, node, isRunning, "is running");
  if (workspace) await attachTo(app, workspace);
}

export async function attachTo(app: App, workspace: Workspace): Promise<void> {
  open(await terminalOptions(app, workspace));
}

let lastCommand = "";

/** Ask for a command and run it in a workspace, in a terminal, so that its output is live and it can be answered. */
export async function runCommand(app: App, node?: Node): Promise<void> {
  if (!(await mayStart())) return;
  const workspace = await pickWorkspace(app, node, isRunning, "is running");
  if (!workspace) return;
  const command = await window.showInputBox({
    title: `Run Command in ${workspace.workspace || workspace.name}`,
    prompt: "A command line for the workspace's sh",
    placeHolder: "make test",
    value: lastCommand,
  });
  if (!command?.trim()) return;
  lastCommand = command;
  open(await terminalOptions(app, workspace, command));
}

function open(options: TerminalOptions): void {
  window.createTerminal(options).show();
}
