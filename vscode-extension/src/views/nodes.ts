import type { State } from "../model/state";
import type { Platform, RuntimeInfo, Workspace } from "../protocol/types";
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
  return state.server === "ready" && (state.engine.reachable || state.platforms.some(isReal));
}

/** The mock always answers, but nobody works in it: it is shown only where it was asked for. */
function isReal(one: Platform): boolean {
  return one.reachable && one.type !== "mock";
}

function runtimes(state: State): Node[] {
  const { info } = state.engine;
  // The list says what a new start would take; the server may have been told to drive another one.
  const driven = info && (state.platforms.find((one) => one.endpoint === info.endpoint) ?? driverOf(info));
  const listed = state.platforms.map((one) => ({ ...one, active: one === driven }));
  // The one in use may be none that is found by itself: the mock, or another host's.
  if (driven && !listed.some((one) => one.active)) listed.unshift(driven);
  return listed
    .filter((one) => one.active || one.type !== "mock")
    .map((platform) => ({ kind: "runtime", platform }));
}

function driverOf(info: RuntimeInfo): Platform {
  return {
    type: info.runtime,
    name: info.platformName,
    endpoint: info.endpoint,
    profile: "",
    reachable: true,
    version: info.version,
    active: true,
    hint: "",
    problem: "",
    selector: info.runtime,
  };
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
