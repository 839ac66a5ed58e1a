import { type Disposable, TerminalProfile, window } from "vscode";
import type { App } from "../app";
import { showFailure } from "./failures";
import { isRunning, pickWorkspace } from "./pick";
import { terminalOptions } from "./terminals";
import { mayStart } from "./trust";

/** The terminal profile "DVM workspace". */
export function terminalProfile(app: App): Disposable {
  return window.registerTerminalProfileProvider("dvm.workspace", {
    async provideTerminalProfile() {
      if (!(await mayStart())) return undefined;
      const workspace = await pickWorkspace(app, undefined, isRunning, "is running");
      if (!workspace) return undefined;
      try {
        return new TerminalProfile(await terminalOptions(app, workspace));
      } catch (error) {
        void showFailure(app, "Attach Terminal", error);
        return undefined;
      }
    },
  });
}
