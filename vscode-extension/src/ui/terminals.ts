import { type TerminalOptions, ThemeIcon, window } from "vscode";
import type { App } from "../app";
import type { TerminalCommand, Workspace } from "../protocol/types";

/** A terminal of the editor's own inside a workspace: resize, signals and exit code are the editor's business. */
export async function terminalOptions(
  app: App,
  workspace: Workspace,
  command?: string,
): Promise<TerminalOptions> {
  const argument = { workspace: workspace.id, ...(command ? { command: ["sh", "-c", command] } : {}) };
  const { program, args, env, cwd } = await app.connection.call<TerminalCommand>(
    "dvm.workspace.attach",
    argument,
  );
  const name = workspace.workspace || workspace.name;
  return {
    name: command ? `${name}: ${command}` : name,
    shellPath: program,
    shellArgs: args,
    // The packages that this extension brings are found by variables only.
    env: { ...app.connection.launch?.env, ...env },
    cwd,
    iconPath: new ThemeIcon("vm"),
    // After a reload the editor would start it anew, with whatever the workspace is by then.
    isTransient: true,
  };
}

/** Type a command line into a terminal on this machine and run it. */
export function runInTerminal(commandLine: string): void {
  const terminal = window.createTerminal({ name: "DVM", iconPath: new ThemeIcon("tools") });
  terminal.show();
  terminal.sendText(commandLine);
}
