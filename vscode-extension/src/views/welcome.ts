import { commands, type Disposable } from "vscode";
import { engineFix } from "../model/engineFix";
import type { State } from "../model/state";

/** The context keys by which package.json chooses the words of the welcome view. */
export function welcomeKeys(state: State): Disposable {
  let shown = "";
  const show = (): void => {
    const { platform } = engineFix(state);
    const keys: Record<string, string | boolean> = {
      "dvm.server": state.server,
      "dvm.engine": !state.engine.known ? "unknown" : state.engine.reachable ? "reachable" : "none",
      "dvm.fixFor": platform,
    };
    const text = JSON.stringify(keys);
    if (text === shown) return;
    shown = text;
    for (const [key, value] of Object.entries(keys)) void commands.executeCommand("setContext", key, value);
  };
  show();
  return state.onDidChange(show);
}
