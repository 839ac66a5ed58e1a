import {
  type Disposable,
  EventEmitter,
  ThemeColor,
  ThemeIcon,
  type TreeDataProvider,
  TreeItem,
  TreeItemCollapsibleState,
  window,
} from "vscode";
import type { State } from "../model/state";
import {
  children,
  contextValue,
  type DetailNode,
  type Node,
  type RuntimeNode,
  type WorkspaceNode,
} from "./nodes";
import { WORDS } from "./statusText";

/** The Workspaces view: runtimes, their workspaces, and what is to be known of each. */
export function treeView(state: State): Disposable[] {
  const emitter = new EventEmitter<undefined>();
  const provider: TreeDataProvider<Node> = {
    onDidChangeTreeData: emitter.event,
    getChildren: (parent) => children(state, parent),
    getTreeItem: (node) => item(state, node),
  };
  const view = window.createTreeView("dvm.workspaces", { treeDataProvider: provider, showCollapseAll: true });
  const listening = state.onDidChange(() => {
    const running = state.workspaces.filter((one) => one.status === "running").length;
    view.badge = running ? { value: running, tooltip: `${running} running` } : undefined;
    emitter.fire(undefined);
  });
  return [view, emitter, listening];
}

function item(state: State, node: Node): TreeItem {
  const made =
    node.kind === "runtime"
      ? runtimeItem(node)
      : node.kind === "workspace"
        ? workspaceItem(state, node)
        : detailItem(node);
  made.contextValue = contextValue(node);
  return made;
}

function runtimeItem({ platform }: RuntimeNode): TreeItem {
  const made = new TreeItem(
    platform.name,
    platform.active ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.None,
  );
  // The editor remembers by this whether a row is open; one that is switched to is to open.
  made.id = `runtime ${platform.selector} ${platform.active}`;
  made.description = platform.reachable ? platform.version : platform.problem || "not running";
  made.iconPath = platform.reachable
    ? new ThemeIcon("server-environment", platform.active ? new ThemeColor("charts.green") : undefined)
    : new ThemeIcon("debug-disconnect");
  made.tooltip = [platform.name, platform.endpoint, platform.hint].filter(Boolean).join("\n");
  return made;
}

const COLOURS: Record<string, string> = {
  running: "charts.green",
  paused: "charts.yellow",
  dead: "charts.red",
};

function workspaceItem(state: State, { workspace }: WorkspaceNode): TreeItem {
  const { word, icon } = WORDS[workspace.status];
  const activity = state.activity(workspace.workspace);
  const failure = state.failure(workspace.workspace);
  const colour = COLOURS[workspace.status];
  const made = new TreeItem(workspace.workspace || workspace.name, TreeItemCollapsibleState.Collapsed);
  made.id = `workspace ${workspace.id}`;
  made.description = activity ?? `${word} · ${workspace.image}`;
  made.iconPath = activity
    ? new ThemeIcon("sync~spin")
    : failure
      ? new ThemeIcon("error", new ThemeColor("charts.red"))
      : new ThemeIcon(icon, colour ? new ThemeColor(colour) : undefined);
  made.tooltip = [workspace.name, workspace.image, failure].filter(Boolean).join("\n");
  return made;
}

function detailItem(node: DetailNode): TreeItem {
  const made = new TreeItem(node.label, TreeItemCollapsibleState.None);
  made.id = `detail ${node.parent.id} ${node.label}`;
  made.description = node.value;
  made.iconPath = new ThemeIcon(node.icon);
  if (node.port) {
    made.command = { command: "dvm.openPort", title: "Open Published Port", arguments: [node] };
  }
  return made;
}
