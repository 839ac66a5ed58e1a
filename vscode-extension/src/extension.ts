import { type Disposable, type ExtensionContext, Uri, window, workspace } from "vscode";
import type { App } from "./app";
import { registerCommands } from "./commands";
import { RUNTIME, selectRuntime } from "./commands/runtime";
import { Folders } from "./model/folders";
import { Refresh } from "./model/refresh";
import { State } from "./model/state";
import { Connection } from "./server/connection";
import { chooseLaunch } from "./server/launch";
import { candidates } from "./server/python";
import { traceChannel } from "./server/trace";
import { serverSettings } from "./settings";
import { showFailure } from "./ui/failures";
import { terminalProfile } from "./ui/profile";
import { statusBar } from "./views/statusBar";
import { treeView } from "./views/tree";
import { welcomeKeys } from "./views/welcome";

let connection: Connection | undefined;

export function activate(context: ExtensionContext): void {
  const app = assemble(context);
  connection = app.connection;
  context.subscriptions.push(
    app.log,
    app.output,
    app.connection,
    ...statusBar(app.state, app.folders),
    ...treeView(app.state),
    welcomeKeys(app.state),
    ...registerCommands(app),
    terminalProfile(app),
    app.refresh.followFolders(),
    ...tellOfTrouble(app),
    ...followSettings(app),
  );
  // Not awaited: the window opens at once, and the views say "connecting" meanwhile.
  void app.connection.restart();
}

/** The editor waits for this, so that the server can end what it started. */
export function deactivate(): Promise<void> | undefined {
  return connection?.stop();
}

function assemble(context: ExtensionContext): App {
  const log = window.createOutputChannel("DVM", { log: true });
  const state = new State();
  const made: Connection = new Connection({
    log,
    trace: traceChannel(),
    runtime: () => context.workspaceState.get<string>(RUNTIME) ?? serverSettings().runtime,
    async chooseLaunch() {
      const settings = serverSettings();
      return chooseLaunch(settings, await candidates(settings.interpreter), {
        bundled: context.asAbsolutePath("bundled/libs"),
        pycache: Uri.joinPath(context.globalStorageUri, "pycache").fsPath,
        path: process.env.PATH ?? "",
      });
    },
  });
  return {
    connection: made,
    state,
    folders: new Folders(state, context.workspaceState),
    refresh: new Refresh(made, state, log),
    log,
    output: window.createOutputChannel("DVM Builds"),
    memory: context.workspaceState,
  };
}

/** The user is told of a series of crashes once, and once more when it is given up. */
function tellOfTrouble(app: App): Disposable[] {
  const tell = async (what: "restarting" | "gave-up"): Promise<void> => {
    const restart = "Restart Server";
    const output = "Show Output";
    const chosen =
      what === "restarting"
        ? await window.showWarningMessage("DVM's server ended unexpectedly and is started again.", output)
        : await window.showErrorMessage(
            "DVM's server ended five times within three minutes.",
            restart,
            output,
          );
    if (chosen === output) app.log.show();
    if (chosen === restart) await app.connection.restart();
  };
  return [
    app.connection.onCrash((what) => void tell(what)),
    app.connection.onStartFailure(
      (failure) => void showFailure(app, "DVM's server could not be started", failure),
    ),
  ];
}

/** Settings take effect at once: another runtime by a request, another server by a restart. */
function followSettings(app: App): Disposable[] {
  return [
    workspace.onDidChangeConfiguration(async (change) => {
      if (change.affectsConfiguration("dvm.server") || change.affectsConfiguration("dvm.interpreter")) {
        await app.connection.restart();
      } else if (change.affectsConfiguration("dvm.runtime")) {
        // The setting was changed after the choice in this folder, so it counts.
        await app.memory.update(RUNTIME, undefined);
        await selectRuntime(app, serverSettings().runtime).catch((error) =>
          showFailure(app, "Switch Runtime", error),
        );
      }
    }),
    // Settings of a folder that was not trusted had no say in which Python is used.
    workspace.onDidGrantWorkspaceTrust(() => app.connection.restart()),
  ];
}
