import { EventEmitter } from "vscode";
import type { FolderIdentity, Platform, RuntimeInfo, Workspace, WorkspaceState } from "../protocol/types";
import type { ServerState } from "../server/connection";

/** What is being done to a workspace from this window. */
export type Activity = "starting" | "building" | "stopping" | "removing";

/** What the engine is, as far as is known. */
export interface Engine {
  /** False also while it is not known yet. */
  reachable: boolean;
  known: boolean;
  info: RuntimeInfo | undefined;
  /** What would make it reachable here; empty when it is. */
  hint: string;
}

const UNKNOWN_ENGINE: Engine = { reachable: false, known: false, info: undefined, hint: "" };

/** Everything the views show. It is told; it asks nobody. */
export class State {
  private readonly emitter = new EventEmitter<void>();
  private readonly found = new Map<string, Workspace>();
  private readonly activities = new Map<string, Activity>();
  private readonly failures = new Map<string, string>();
  private readonly identities = new Map<string, FolderIdentity>();

  readonly onDidChange = this.emitter.event;
  server: ServerState = "stopped";
  engine: Engine = UNKNOWN_ENGINE;
  platforms: Platform[] = [];

  /** By name, so that a list does not jump when a state changes. */
  get workspaces(): Workspace[] {
    return [...this.found.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  byId(id: string): Workspace | undefined {
    return this.found.get(id);
  }

  /** By the workspace's own name, or its container's. */
  byName(name: string): Workspace | undefined {
    const all = this.workspaces;
    return all.find((one) => one.workspace === name) ?? all.find((one) => one.name === name);
  }

  /** What the server calls a folder; undefined until it was asked. */
  identity(path: string): FolderIdentity | undefined {
    return this.identities.get(path);
  }

  setIdentity(path: string, identity: FolderIdentity): void {
    this.identities.set(path, identity);
    this.emitter.fire();
  }

  activity(name: string): Activity | undefined {
    return this.activities.get(name);
  }

  /** Why the last thing asked of it failed; undefined once something else has happened to it. */
  failure(name: string): string | undefined {
    return this.failures.get(name);
  }

  setServer(server: ServerState): void {
    this.server = server;
    if (server !== "ready") this.engine = UNKNOWN_ENGINE;
    this.emitter.fire();
  }

  setEngine(engine: Omit<Engine, "known">): void {
    // What failed for want of an engine, or on another one, has not failed on this one.
    if (engine.reachable && !this.engine.reachable) this.failures.clear();
    this.engine = { ...engine, known: true };
    if (!engine.reachable) this.found.clear();
    this.emitter.fire();
  }

  setPlatforms(platforms: Platform[]): void {
    this.platforms = platforms;
    this.emitter.fire();
  }

  /** The whole list, in place of what was known. */
  setWorkspaces(workspaces: Workspace[]): void {
    this.found.clear();
    for (const one of workspaces) this.found.set(one.id, one);
    this.emitter.fire();
  }

  /** One workspace after a change. */
  setWorkspace(workspace: Workspace): void {
    // Recreating a container gives it another ID under the same name.
    for (const [id, other] of this.found) {
      if (other.name === workspace.name && isGone(workspace.status) === (id === workspace.id))
        this.found.delete(id);
    }
    if (!isGone(workspace.status)) this.found.set(workspace.id, workspace);
    this.failures.delete(workspace.workspace);
    this.emitter.fire();
  }

  begin(name: string, activity: Activity): void {
    this.activities.set(name, activity);
    this.failures.delete(name);
    this.emitter.fire();
  }

  /** `failure`: why it did not work; undefined when it did, or was cancelled. */
  finish(name: string, failure?: string): void {
    this.activities.delete(name);
    if (failure) this.failures.set(name, failure);
    this.emitter.fire();
  }
}

function isGone(status: WorkspaceState): boolean {
  return status === "not_found";
}
