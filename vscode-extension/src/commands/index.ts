import { commands, type Disposable } from "vscode";
import type { App } from "../app";
import { showFailure } from "../ui/failures";
import { runInTerminal } from "../ui/terminals";
import type { Node } from "../views/nodes";
import { showActions } from "./actions";
import { attachTerminal, runCommand } from "./attach";
import { rebuildImage } from "./build";
import { runDoctor } from "./doctor";
import { startEngine } from "./engine";
import { showLogs } from "./logs";
import { makeActive } from "./makeActive";
import { openPort } from "./ports";
import { switchRuntime } from "./runtime";
import { chooseImage, startWorkspace } from "./start";
import { removeWorkspace, restartWorkspace, stopAll, stopWorkspace } from "./stop";

type Handler = (app: App, node?: Node) => Promise<void> | void;

/**
 * Each command's words for errors, and what it does. The IDs differ from the server's: a
 * name that is there already would stop the client.
 */
const COMMANDS: Record<string, [string, Handler]> = {
  "dvm.startWorkspace": ["Start Workspace", startWorkspace],
  "dvm.stopWorkspace": ["Stop", stopWorkspace],
  "dvm.restartWorkspace": ["Restart", restartWorkspace],
  "dvm.removeWorkspace": ["Remove", removeWorkspace],
  "dvm.rebuildImage": ["Rebuild Image", rebuildImage],
  "dvm.attachTerminal": ["Attach Terminal", attachTerminal],
  "dvm.runCommand": ["Run Command in Workspace", runCommand],
  "dvm.showLogs": ["Show Logs", showLogs],
  "dvm.openPort": ["Open Published Port", openPort],
  "dvm.switchRuntime": ["Switch Runtime", switchRuntime],
  "dvm.stopAll": ["Stop All", stopAll],
  "dvm.runDoctor": ["Doctor", runDoctor],
  "dvm.restartServer": ["Restart Server", (app) => app.connection.restart()],
  "dvm.showOutput": ["Show Output", (app) => app.log.show()],
  "dvm.showBuildOutput": ["Show Build Output", (app) => app.output.show()],
  "dvm.chooseImage": ["Choose Image", chooseImage],
  "dvm.startEngine": ["Start the Engine", startEngine],
  "dvm.showActions": ["Show Actions", showActions],
  "dvm.makeActive": ["Make Active", makeActive],
  "dvm.refresh": ["Refresh", (app) => app.refresh.everything()],
};

/** Register every command; an error of any is told to the user, with what can be done about it. */
export function registerCommands(app: App): Disposable[] {
  const registered = Object.entries(COMMANDS).map(([id, [words, handler]]) => {
    const run = async (node?: Node): Promise<void> => {
      try {
        await handler(app, isNode(node) ? node : undefined);
      } catch (error) {
        // Not awaited: the command is over, whatever the user does with the message.
        void showFailure(app, words, error, () => void run(node));
      }
    };
    return commands.registerCommand(id, run);
  });
  const inTerminal = commands.registerCommand("dvm.runInTerminal", (line: string) => runInTerminal(line));
  return [...registered, inTerminal];
}

/** Whether a command was given a row of the view: keybindings and other callers may give anything. */
function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "kind" in value;
}
