import { window } from "vscode";
import type { App } from "../app";
import type { Activity } from "../model/state";
import type { StopAllResult, Workspace } from "../protocol/types";
import { whileDoing } from "../ui/doing";
import { isAlive, isAny, pickWorkspace } from "../ui/pick";
import { briefly, withSteps } from "../ui/progress";
import { mayStart } from "../ui/trust";
import type { Node } from "../views/nodes";

export async function stopWorkspace(app: App, node?: Node): Promise<void> {
  if (!(await mayStart())) return;
  const workspace = await pickWorkspace(app, node, isAlive, "is running");
  if (!workspace) return;
  await change(app, workspace, "stopping", () =>
    briefly(`Stopping ${workspace.name}`, () =>
      app.connection.call<Workspace>("dvm.workspace.stop", { workspace: workspace.id }),
    ),
  );
}

export async function restartWorkspace(app: App, node?: Node): Promise<void> {
  if (!(await mayStart())) return;
  const workspace = await pickWorkspace(app, node, isAny, "is there");
  if (!workspace) return;
  await change(app, workspace, "starting", () =>
    withSteps(`Restarting ${workspace.workspace || workspace.name}`, app.output, (options) =>
      app.connection.call<Workspace>("dvm.workspace.restart", { workspace: workspace.id }, options),
    ),
  );
}

export async function removeWorkspace(app: App, node?: Node): Promise<void> {
  if (!(await mayStart())) return;
  const workspace = await pickWorkspace(app, node, isAny, "is there");
  if (!workspace) return;
  const name = workspace.workspace || workspace.name;
  const remove = "Remove";
  const withVolumes = "Remove with Volumes";
  const chosen = await window.showWarningMessage(
    `Remove workspace ${name}?`,
    { modal: true, detail: "Its container is deleted. Files of this machine that are mounted in it stay." },
    remove,
    withVolumes,
  );
  if (!chosen) return;
  await change(app, workspace, "removing", () =>
    briefly(`Removing ${name}`, () =>
      app.connection.call<Workspace>("dvm.workspace.remove", {
        workspace: workspace.id,
        force: true,
        volumes: chosen === withVolumes,
      }),
    ),
  );
}

export async function stopAll(app: App): Promise<void> {
  if (!(await mayStart())) return;
  const alive = app.state.workspaces.filter(isAlive);
  if (!alive.length) {
    void window.showInformationMessage("No workspace is running.");
    return;
  }
  const stop = "Stop All";
  const names = alive.map((one) => one.workspace || one.name).join(", ");
  const question = `Stop ${alive.length === 1 ? "one workspace" : `all ${alive.length} workspaces`}?`;
  if ((await window.showWarningMessage(question, { modal: true, detail: names }, stop)) !== stop) return;
  const { stopped, failed } = await briefly("Stopping all workspaces", () =>
    app.connection.call<StopAllResult>("dvm.workspace.stopAll"),
  );
  const reasons = Object.entries(failed).map(([name, reason]) => `${name}: ${reason}`);
  if (reasons.length) void window.showErrorMessage(`Not stopped: ${reasons.join("; ")}`);
  else
    void window.showInformationMessage(
      `Stopped ${stopped.length === 1 ? stopped[0] : `${stopped.length} workspaces`}.`,
    );
}

async function change(
  app: App,
  workspace: Workspace,
  activity: Activity,
  work: () => Thenable<Workspace>,
): Promise<void> {
  app.state.setWorkspace(await whileDoing(app.state, workspace.workspace || workspace.name, activity, work));
}
