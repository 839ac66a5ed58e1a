import { commands, type QuickPickItem, type WorkspaceFolder, window, workspace } from "vscode";
import type { App } from "../app";
import type { Workspace } from "../protocol/types";
import type { Node } from "../views/nodes";
import { WORDS } from "../views/statusText";

/**
 * The folder that is meant; asks only when several are open and none is being edited.
 * Offers to open one where there is none.
 */
export async function pickFolder(app: App): Promise<WorkspaceFolder | undefined> {
  if (app.folders.isAmbiguous())
    return window.showWorkspaceFolderPick({ placeHolder: "The folder of the workspace" });
  const folder = app.folders.current();
  if (folder) return folder;
  const open = "Open Folder";
  if (
    (await window.showInformationMessage("A workspace belongs to a folder, and none is open.", open)) === open
  ) {
    await commands.executeCommand("workbench.action.files.openFolder");
  }
  return undefined;
}

/**
 * The workspace that is meant: the row that was clicked, else the folder's active one, else
 * the only one that fits, else the one that the user picks.
 *
 * @param fits which ones the command can be used on.
 * @param what completes "No workspace …", as in `is running`.
 */
export async function pickWorkspace(
  app: App,
  node: Node | undefined,
  fits: (workspace: Workspace) => boolean,
  what: string,
): Promise<Workspace | undefined> {
  const clicked =
    node?.kind === "workspace" ? node.workspace : node?.kind === "detail" ? node.parent : undefined;
  // The row may have been drawn before the last change.
  if (clicked) return app.state.byId(clicked.id) ?? clicked;
  const fitting = app.state.workspaces.filter(fits);
  const folder = app.folders.isAmbiguous() ? undefined : app.folders.current();
  const active = folder && app.folders.active(folder);
  if (active && fits(active)) return active;
  if (fitting.length > 1 || (active && fitting.length)) return choose(fitting);
  if (fitting[0]) return fitting[0];
  const start = "Start Workspace";
  if ((await window.showInformationMessage(`No workspace ${what}.`, start)) === start) {
    await commands.executeCommand("dvm.startWorkspace");
  }
  return undefined;
}

async function choose(fitting: Workspace[]): Promise<Workspace | undefined> {
  const items: (QuickPickItem & { workspace: Workspace })[] = fitting.map((one) => ({
    label: `$(${WORDS[one.status].icon}) ${one.workspace || one.name}`,
    description: WORDS[one.status].word,
    detail: one.image,
    workspace: one,
  }));
  const chosen = await window.showQuickPick(items, { placeHolder: "Workspace", matchOnDetail: true });
  return chosen?.workspace;
}

export const isRunning = (one: Workspace): boolean => one.status === "running";

/** Whether there is something to stop. */
export const isAlive = (one: Workspace): boolean => ["running", "paused", "restarting"].includes(one.status);

export const isAny = (): boolean => true;

/** Whether the folder has a file of that path. */
export async function hasFile(folder: WorkspaceFolder, path: string): Promise<boolean> {
  try {
    await workspace.fs.stat(folder.uri.with({ path: `${folder.uri.path}/${path}` }));
    return true;
  } catch {
    // The only question is whether it is there.
    return false;
  }
}
