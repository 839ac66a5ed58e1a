import { commands, type QuickPickItem, window } from "vscode";
import type { App } from "../app";
import { engineFix } from "../model/engineFix";
import type { State } from "../model/state";
import { statusText } from "../views/statusText";

interface Action extends QuickPickItem {
  command: string;
}

/** What a click on the status bar gives: the actions that fit the state. */
export async function showActions(app: App): Promise<void> {
  const folder = app.folders.current();
  const name = folder && app.folders.name(folder);
  const title = statusText(app.state, name).text.replace(/\$\([^)]*\)\s*/, "");
  const chosen = await window.showQuickPick(actionsFor(app.state, name), { title, placeHolder: "DVM" });
  if (chosen) await commands.executeCommand(chosen.command);
}

const action = (icon: string, label: string, command: string, description = ""): Action => ({
  label: `$(${icon}) ${label}`,
  command,
  description,
});

/** The actions that fit, the likeliest first. */
export function actionsFor(state: State, name: string | undefined): Action[] {
  const server = [
    action("output", "Show Output", "dvm.showOutput"),
    action("refresh", "Restart Server", "dvm.restartServer"),
  ];
  if (state.server !== "ready") return server.reverse();
  const doctor = action("pulse", "Doctor", "dvm.runDoctor");
  const change = action("arrow-swap", "Switch Runtime", "dvm.switchRuntime", state.engine.info?.platformName);
  if (!state.engine.reachable) {
    const fix = action("play", "Start the Engine", "dvm.startEngine", engineFix(state).command);
    return [fix, change, doctor, ...server];
  }
  return [...workspaceActions(state, name), change, doctor, ...server];
}

function workspaceActions(state: State, name: string | undefined): Action[] {
  const workspace = name === undefined ? undefined : state.byName(name);
  const start = action("play", "Start Workspace", "dvm.startWorkspace");
  const logs = action("list-flat", "Show Logs", "dvm.showLogs");
  const rebuild = action("package", "Rebuild Image", "dvm.rebuildImage");
  const remove = action("trash", "Remove", "dvm.removeWorkspace");
  if (!workspace) return name === undefined ? [] : [start, rebuild];
  if (workspace.status !== "running") {
    const stop = workspace.status === "paused" ? [action("debug-stop", "Stop", "dvm.stopWorkspace")] : [];
    return [start, ...stop, logs, rebuild, remove];
  }
  const open = action("link-external", "Open Published Port", "dvm.openPort");
  return [
    action("terminal", "Attach Terminal", "dvm.attachTerminal"),
    action("run", "Run Command", "dvm.runCommand"),
    ...(Object.keys(workspace.ports ?? {}).length ? [open] : []),
    logs,
    action("debug-restart", "Restart", "dvm.restartWorkspace"),
    action("debug-stop", "Stop", "dvm.stopWorkspace"),
    rebuild,
    remove,
  ];
}
