import type { State } from "../model/state";
import type { Platform, Workspace } from "../protocol/types";
import { WORDS } from "./statusText";

/** One row of the Workspaces view. */
export type Node = RuntimeNode | WorkspaceNode | DetailNode;

export interface RuntimeNode {
  kind: "runtime";
  platform: Platform;
}

export interface WorkspaceNode {
  kind: "workspace";
  workspace: Workspace;
}

export interface DetailNode {
  kind: "detail";
  label: string;
  value: string;
  icon: string;
  parent: Workspace;
  /** The container's port, as in `8080/tcp`, when this row is one. */
  port?: string;
}

/** The rows below `parent`; below nothing, the runtimes. */
export function children(state: State, parent: Node | undefined): Node[] {
  // An empty tree is what makes the editor show the welcome view.
  if (!parent) return isAnythingThere(state) ? runtimes(state) : [];
  if (parent.kind === "runtime") return parent.platform.active ? workspaces(state) : [];
  if (parent.kind === "workspace") return details(parent.workspace);
  return [];
}

function isAnythingThere(state: State): boolean {
  return state.server === "ready" && (state.engine.reachable || state.platforms.some((one) => one.reachable));
}

function runtimes(state: State): Node[] {
  const info = state.engine.info;
  // The server says which one it drives; the list may have been made before a switch.
  const isDriven = (one: Platform): boolean =>
    info === undefined
      ? false
      : one.selector === info.runtime || (!hasSelector(state, info.runtime) && one.active);
  const listed = state.platforms.map((platform) => ({ ...platform, active: isDriven(platform) }));
  if (info && !listed.some((one) => one.active)) {
    // The one in use may be none that is found by itself: the mock, or another host's.
    listed.unshift({
      type: info.runtimeType,
      name: info.platformName,
      endpoint: "",
      profile: "",
      reachable: true,
      version: info.version,
      active: true,
      hint: "",
      problem: "",
      selector: info.runtime,
    });
  }
  return listed.map((platform) => ({ kind: "runtime", platform }));
}

function hasSelector(state: State, runtime: string): boolean {
  return state.platforms.some((one) => one.selector === runtime);
}

function workspaces(state: State): Node[] {
  return state.workspaces.map((workspace) => ({ kind: "workspace", workspace }));
}

function details(workspace: Workspace): Node[] {
  const { word } = WORDS[workspace.status];
  const code = workspace.exitCode;
  const rows: DetailNode[] = [
    {
      kind: "detail",
      label: "State",
      value: workspace.status === "exited" && code != null ? `${word}, exit code ${code}` : word,
      icon: "pulse",
      parent: workspace,
    },
    { kind: "detail", label: "Image", value: workspace.image, icon: "package", parent: workspace },
  ];
  for (const [port, at] of Object.entries(workspace.ports ?? {})) {
    rows.push({
      kind: "detail",
      label: `Port ${port}`,
      value: `${at.host}:${at.port}`,
      icon: "plug",
      parent: workspace,
      port,
    });
  }
  return rows;
}

/** What the context menus of package.json go by, as in `workspace.running`. */
export function contextValue(node: Node): string {
  if (node.kind === "runtime") return node.platform.active ? "runtime.active" : "runtime.other";
  if (node.kind === "workspace") {
    const { status } = node.workspace;
    return `workspace.${status === "running" || status === "restarting" ? "running" : status === "paused" ? "paused" : "stopped"}`;
  }
  return node.port ? "detail.port" : "detail";
}
