import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { type Memento, type Uri, type WorkspaceFolder, window, workspace } from "vscode";
import { workspaceNameFor } from "../names";
import type { Workspace } from "../protocol/types";
import { folderSettings } from "../settings";
import type { State } from "./state";

const CHOSEN = "activeWorkspaces";
/** The label with the folder that a workspace was started for. */
const FOLDER = "dvm.folder";

/** Which folder is meant, and which workspace is its active one. */
export class Folders {
  constructor(
    private readonly state: State,
    private readonly memory: Memento,
  ) {}

  /** The folder of the editor that has the focus; else the only, or the first one. */
  current(): WorkspaceFolder | undefined {
    const document = window.activeTextEditor?.document.uri;
    return (document && workspace.getWorkspaceFolder(document)) ?? workspace.workspaceFolders?.[0];
  }

  /** Whether only the user can say which folder is meant. */
  isAmbiguous(): boolean {
    const document = window.activeTextEditor?.document.uri;
    return (
      (workspace.workspaceFolders?.length ?? 0) > 1 && !(document && workspace.getWorkspaceFolder(document))
    );
  }

  /**
   * The folder's active workspace: the one that was chosen; else the one that was started for
   * the folder; else one of its name that was started for no folder. Undefined when there is none.
   */
  active(folder: WorkspaceFolder): Workspace | undefined {
    const chosen = this.chosen()[folder.uri.toString()];
    if (chosen) return this.state.byName(chosen);
    const all = this.state.workspaces;
    const place = realPath(folder.uri.fsPath);
    const name = ownName(folder);
    return (
      all.find((one) => one.labels?.[FOLDER] === place) ??
      all.find((one) => one.workspace === name && !one.labels?.[FOLDER])
    );
  }

  /** What the folder's active workspace is called, or will be. */
  name(folder: WorkspaceFolder): string {
    return this.chosen()[folder.uri.toString()] ?? this.active(folder)?.workspace ?? this.freeName(folder);
  }

  /** Make a workspace the folder's active one. */
  async choose(folder: WorkspaceFolder, name: string): Promise<void> {
    await this.memory.update(CHOSEN, { ...this.chosen(), [folder.uri.toString()]: name });
  }

  /** As the server would name it: another folder's workspace may have the folder's own name already. */
  private freeName(folder: WorkspaceFolder): string {
    const name = ownName(folder);
    if (folderSettings(folder).workspaceName || !this.state.workspaces.some((one) => one.workspace === name))
      return name;
    return `${name}-${createHash("sha256").update(realPath(folder.uri.fsPath)).digest("hex").slice(0, 6)}`;
  }

  private chosen(): Record<string, string> {
    return this.memory.get(CHOSEN, {});
  }
}

function ownName(folder: WorkspaceFolder): string {
  return folderSettings(folder).workspaceName || workspaceNameFor(baseName(folder.uri));
}

/** The folder's own name on disk: the one in the workspace file may be prettier, but `dvm` does not know it. */
export function baseName(uri: Uri): string {
  return uri.path.split("/").filter(Boolean).pop() ?? "";
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // A folder that is gone, or on no disk, is called as it is.
    return path;
  }
}
