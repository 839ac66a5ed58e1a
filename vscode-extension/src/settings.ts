import { type ConfigurationScope, workspace } from "vscode";

/** What the user set for one folder. */
export interface FolderSettings {
  image: string;
  dockerfile: string;
  workspaceName: string;
  startOptions: Record<string, unknown>;
  buildOptions: Record<string, unknown>;
}

export function folderSettings(scope: ConfigurationScope | undefined): FolderSettings {
  const found = workspace.getConfiguration("dvm", scope);
  return {
    image: found.get("image", "").trim(),
    dockerfile: found.get("dockerfile", "").trim(),
    workspaceName: found.get("workspaceName", "").trim(),
    startOptions: found.get("startOptions", {}),
    buildOptions: found.get("buildOptions", {}),
  };
}

/** What the user set of how the server is found and started. */
export interface ServerSettings {
  /** A program to run as it is; empty to let the extension choose. */
  path: string;
  /** A Python; empty to take the selected or the first suitable one. */
  interpreter: string;
  importStrategy: "useBundled" | "fromEnvironment";
  runtime: string;
}

export function serverSettings(): ServerSettings {
  const found = workspace.getConfiguration("dvm");
  return {
    path: found.get("server.path", "").trim(),
    interpreter: found.get("interpreter", "").trim(),
    importStrategy: found.get("server.importStrategy", "useBundled"),
    runtime: found.get("runtime", "auto").trim() || "auto",
  };
}

/** How many of its last lines are shown of a workspace's log. */
export function logTail(): number {
  return workspace.getConfiguration("dvm").get("logs.tail", 500);
}
