import { type Disposable, type LogOutputChannel, workspace } from "vscode";
import { asFailure } from "../protocol/failure";
import type { FolderIdentity, Platform, RuntimeInfo, Workspace } from "../protocol/types";
import type { Connection } from "../server/connection";
import type { State } from "./state";

/** Keeps the state as the server tells it: everything when it is ready, then change by change. */
export class Refresh {
  private asking: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: Connection,
    private readonly state: State,
    private readonly log: LogOutputChannel,
  ) {
    connection.onDidChangeState((server) => {
      state.setServer(server);
      if (server === "ready") void this.everything();
    });
    connection.onWorkspaceChanged((change) => state.setWorkspace(change.workspace));
    connection.onRuntimeChanged((change) => {
      this.log.info(`Runtime ${change.runtime}: ${change.state}`);
      // What is known at once is shown at once; the rest is asked for.
      if (change.state === "unavailable") this.unreachable(change.message, change.hint);
      if (change.state !== "connecting") void this.everything();
    });
  }

  /** Ask for everything again. Requests that come while one runs are answered in order. */
  everything(): Promise<void> {
    this.asking = this.asking.then(() => this.ask());
    return this.asking;
  }

  /** Ask for the names of folders that are opened later. */
  followFolders(): Disposable {
    return workspace.onDidChangeWorkspaceFolders(() => void this.everything());
  }

  private async ask(): Promise<void> {
    if (this.connection.state !== "ready") return;
    await this.askForFolders();
    try {
      const info = await this.connection.call<RuntimeInfo>("dvm.runtime.info");
      const workspaces = await this.connection.call<Workspace[]>("dvm.workspace.list");
      this.state.setEngine({ reachable: true, info, hint: "" });
      this.state.setWorkspaces(workspaces);
    } catch (error) {
      const { message, hint } = asFailure(error);
      this.unreachable(message, hint);
    }
    try {
      this.state.setPlatforms(await this.connection.call<Platform[]>("dvm.platform.list"));
    } catch (error) {
      this.log.warn(`The platforms could not be listed: ${asFailure(error).message}`);
    }
  }

  private async askForFolders(): Promise<void> {
    for (const { uri } of workspace.workspaceFolders ?? []) {
      const folder = uri.fsPath;
      if (this.state.identity(folder)) continue;
      try {
        this.state.setIdentity(
          folder,
          await this.connection.call<FolderIdentity>("dvm.folder.identity", { folder }),
        );
      } catch (error) {
        this.log.warn(`The folder ${folder} has no identity: ${asFailure(error).message}`);
      }
    }
  }

  private unreachable(message: string, hint: string): void {
    this.log.info(`No engine: ${message}`);
    this.state.setEngine({ reachable: false, info: undefined, hint: hint || message });
  }
}
