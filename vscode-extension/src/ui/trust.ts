import { commands, window, workspace } from "vscode";

/** Whether something may be started from the open folder; tells the user why not. */
export async function mayStart(): Promise<boolean> {
  if (workspace.isTrusted) return true;
  const manage = "Manage Trust";
  const chosen = await window.showWarningMessage(
    "This folder is not trusted: DVM builds and starts nothing from it.",
    manage,
  );
  if (chosen === manage) await commands.executeCommand("workbench.trust.manage");
  return workspace.isTrusted;
}
