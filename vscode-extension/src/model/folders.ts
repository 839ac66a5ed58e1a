import { type Memento, type Uri, type WorkspaceFolder, window, workspace } from "vscode";
import { workspaceNameFor } from "../names";
import { folderSettings } from "../settings";

const CHOSEN = "activeWorkspaces";

/** Which workspace is a folder's active one, and which folder is meant. */
export class Folders {
  constructor(private readonly memory: Memento) {}

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

  /** The name of the folder's active workspace: the one that was chosen, else the setting, else the folder's name. */
  workspaceName(folder: WorkspaceFolder): string {
    return (
      this.chosen()[folder.uri.toString()] ||
      folderSettings(folder).workspaceName ||
      workspaceNameFor(baseName(folder.uri))
    );
  }

  /** Make a workspace the folder's active one. */
  async choose(folder: WorkspaceFolder, name: string): Promise<void> {
    await this.memory.update(CHOSEN, { ...this.chosen(), [folder.uri.toString()]: name });
  }

  private chosen(): Record<string, string> {
    return this.memory.get(CHOSEN, {});
  }
}

/** The folder's own name on disk: the one in the workspace file may be prettier, but `dvm` does not know it. */
export function baseName(uri: Uri): string {
  return uri.path.split("/").filter(Boolean).pop() ?? "";
}
