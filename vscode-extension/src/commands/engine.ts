import { env, Uri, window } from "vscode";
import type { App } from "../app";
import { engineFix } from "../model/engineFix";
import { runInTerminal } from "../ui/terminals";
import { mayStart } from "../ui/trust";

/** Do what makes an engine answer on this machine: run the command of the hint, or open its page. */
export async function startEngine(app: App): Promise<void> {
  const { command, address, hint } = engineFix(app.state);
  if (command) {
    if (await mayStart()) runInTerminal(command);
    return;
  }
  const open = "Open Page";
  const text =
    hint || "No container engine was found on this machine. Install Docker, Podman, OrbStack or Colima.";
  const chosen = await window.showInformationMessage(text, ...(address ? [open] : []));
  if (chosen === open && address) await env.openExternal(Uri.parse(address));
}
