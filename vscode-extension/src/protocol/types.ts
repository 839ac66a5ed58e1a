// What dvm-server sends and takes, as JSON. The names are those of docs/protocol.md.

export type WorkspaceState =
  | "running"
  | "paused"
  | "restarting"
  | "created"
  | "exited"
  | "dead"
  | "removing"
  | "not_found"
  | "unknown";

export interface HostPort {
  host: string;
  port: number;
}

export interface Workspace {
  id: string;
  name: string;
  status: WorkspaceState;
  image: string;
  app: string;
  workspace: string;
  /** The folder of this machine whose workspace it is; empty if it is no folder's. */
  folder?: string;
  runtime: string;
  created?: number;
  started?: number | null;
  exitCode?: number | null;
  labels?: Record<string, string>;
  ports?: Record<string, HostPort>;
}

/** The names that belong to a folder, from `dvm.folder.identity`. */
export interface FolderIdentity {
  /** The real path. */
  folder: string;
  workspaceName: string;
  /** The name of its image and container; no other folder has it. */
  imageName: string;
}

export interface Platform {
  type: string;
  name: string;
  endpoint: string;
  profile: string;
  reachable: boolean;
  version: string;
  active: boolean;
  hint: string;
  problem: string;
  selector: string;
}

export interface RuntimeInfo {
  runtime: string;
  runtimeType: string;
  platformName: string;
  version: string;
  endpoint: string;
}

export interface WorkspaceChanged {
  workspace: Workspace;
  cause: string;
}

export interface RuntimeChanged {
  runtime: string;
  state: "connecting" | "ready" | "unavailable";
  /** What would make it answer; empty when it does. */
  hint: string;
  /** Why it does not answer; empty when it does. */
  message: string;
}

/** A piece of a log that is followed. */
export interface LogPiece {
  /** As the request named it. */
  workspace: string;
  text: string;
}

/** What an editor's own terminal has to run to be inside a workspace. */
export interface TerminalCommand {
  program: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
}

export interface StopAllResult {
  stopped: string[];
  failed: Record<string, string>;
}

export interface Image {
  id: string;
  tags: string[];
}
