import { type Disposable, StatusBarAlignment, ThemeColor, window, workspace } from "vscode";
import type { Folders } from "../model/folders";
import type { State } from "../model/state";
import { statusText } from "./statusText";

/** The runtime and the active workspace's state, at the bottom of the window. */
export function statusBar(state: State, folders: Folders): Disposable[] {
  const item = window.createStatusBarItem("dvm.status", StatusBarAlignment.Left, 50);
  item.name = "DVM Workspace";
  item.command = "dvm.showActions";
  const show = (): void => {
    const folder = folders.current();
    const { text, tooltip, colour } = statusText(state, folder && folders.name(folder), workspace.isTrusted);
    item.text = text;
    item.tooltip = tooltip;
    item.backgroundColor =
      colour === "none" ? undefined : new ThemeColor(`statusBarItem.${colour}Background`);
    item.show();
  };
  show();
  return [
    item,
    state.onDidChange(show),
    window.onDidChangeActiveTextEditor(show),
    workspace.onDidChangeWorkspaceFolders(show),
    workspace.onDidGrantWorkspaceTrust(show),
    workspace.onDidChangeConfiguration((change) => change.affectsConfiguration("dvm") && show()),
  ];
}
