import { commandIn } from "../model/hints";
import type { Failure } from "../protocol/failure";

/** A button under an error: what it says, and the editor's command that it runs. */
export interface Remedy {
  title: string;
  command: string;
  arguments: unknown[];
}

const OUTPUT: Remedy = { title: "Show Output", command: "dvm.showOutput", arguments: [] };

const BY_KIND: Record<string, Remedy[]> = {
  runtime_unavailable: [
    { title: "Switch Runtime", command: "dvm.switchRuntime", arguments: [] },
    { title: "Doctor", command: "dvm.runDoctor", arguments: [] },
  ],
  workspace_not_found: [{ title: "Start Workspace", command: "dvm.startWorkspace", arguments: [] }],
  workspace_not_running: [{ title: "Start Workspace", command: "dvm.startWorkspace", arguments: [] }],
  image_not_found: [{ title: "Choose Image", command: "dvm.chooseImage", arguments: [] }],
  build_failed: [{ title: "Show Build Output", command: "dvm.showBuildOutput", arguments: [] }],
  invalid_option: [{ title: "Open Settings", command: "workbench.action.openSettings", arguments: ["dvm."] }],
  name_conflict: [
    { title: "Open Settings", command: "workbench.action.openSettings", arguments: ["dvm.workspaceName"] },
  ],
  no_python: [
    { title: "Open Settings", command: "workbench.action.openSettings", arguments: ["dvm.interpreter"] },
    { title: "Get Python", command: "vscode.open", arguments: ["https://www.python.org/downloads/"] },
  ],
  server_down: [{ title: "Restart Server", command: "dvm.restartServer", arguments: [] }],
};

/** Commands of `dvm` that the editor has itself: no terminal is needed for these. */
const OWN_COMMANDS: [RegExp, Remedy][] = [
  [/^dvm (up|start)\b/, { title: "Start Workspace", command: "dvm.startWorkspace", arguments: [] }],
  [/^dvm ls\b/, { title: "Show Workspaces", command: "dvm.workspaces.focus", arguments: [] }],
  [/^dvm logs\b/, { title: "Show Logs", command: "dvm.showLogs", arguments: [] }],
  [/^dvm doctor\b/, { title: "Doctor", command: "dvm.runDoctor", arguments: [] }],
  [/^dvm (build)\b/, { title: "Rebuild Image", command: "dvm.rebuildImage", arguments: [] }],
];

/** The buttons under an error, the most helpful first; at most three. */
export function remedies(failure: Failure): Remedy[] {
  const found = [...hintRemedies(failure.hint), ...(BY_KIND[failure.kind] ?? []), OUTPUT];
  const titles = found.map((one) => one.title);
  return found.filter((one, index) => titles.indexOf(one.title) === index).slice(0, 3);
}

/** The button that does what a hint says; none where only a person can. */
export function hintRemedies(hint: string): Remedy[] {
  const command = commandIn(hint);
  if (!command) return [];
  const own = OWN_COMMANDS.find(([pattern]) => pattern.test(command));
  if (own) return [own[1]];
  // The editor shows placeholders such as <NAME> as they are; a person has to fill them in.
  if (/[<>]/.test(command) || command.startsWith("dvm ")) return [];
  return [{ title: `Run ${command}`, command: "dvm.runInTerminal", arguments: [command] }];
}
