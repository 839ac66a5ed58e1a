import { commands } from "vscode";
import type { App } from "../app";
import { isAny, pickFolder, pickWorkspace } from "../ui/pick";
import type { Node } from "../views/nodes";

/** Make a workspace the active one of the folder: what the status bar shows, and what commands mean. */
export async function makeActive(app: App, node?: Node): Promise<void> {
  const workspace = await pickWorkspace(app, node, isAny, "is there");
  const folder = workspace && (await pickFolder(app));
  if (!workspace || !folder) return;
  await app.folders.choose(folder, workspace.workspace || workspace.name);
  // The views show what the state says; which one is active is not part of it.
  await commands.executeCommand("dvm.refresh");
}
