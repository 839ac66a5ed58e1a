import { type Memento, type WorkspaceFolder, window, workspace } from "vscode";
import type { Workspace } from "../protocol/types";
import { folderSettings } from "../settings";
import type { State } from "./state";

const CHOSEN = "activeWorkspaces";

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
   * The folder's active workspace: the one that was chosen, else the folder's own. Undefined when there is none.
   */
  active(folder: WorkspaceFolder): Workspace | undefined {
    const chosen = this.chosen()[folder.uri.toString()];
    if (chosen) return this.state.byName(chosen);
    const identity = this.state.identity(folder.uri.fsPath);
    return identity && this.state.workspaces.find((one) => one.folder === identity.folder);
  }

  /** What the folder's active workspace is called, or will be; no other workspace is called so. */
  name(folder: WorkspaceFolder): string {
    const chosen = this.chosen()[folder.uri.toString()];
    if (chosen) return chosen;
    const active = this.active(folder);
    if (!active) return this.freeName(folder);
    const alike = this.state.workspaces.filter((one) => one.workspace === active.workspace);
    return alike.length > 1 ? active.name : active.workspace;
  }

  /** Make a workspace the folder's active one. */
  async choose(folder: WorkspaceFolder, name: string): Promise<void> {
    await this.memory.update(CHOSEN, { ...this.chosen(), [folder.uri.toString()]: name });
  }

  /** Another folder's workspace may have the folder's own name already. */
  private freeName(folder: WorkspaceFolder): string {
    const { workspaceName } = folderSettings(folder);
    if (workspaceName) return workspaceName;
    const identity = this.state.identity(folder.uri.fsPath);
    if (!identity) return folder.name;
    const isTaken = this.state.workspaces.some((one) => one.workspace === identity.workspaceName);
    return isTaken ? identity.imageName : identity.workspaceName;
  }

  private chosen(): Record<string, string> {
    return this.memory.get(CHOSEN, {});
  }
}
