import { type WorkspaceFolder, window } from "vscode";
import type { App } from "../app";
import { asFailure, isCancelled } from "../protocol/failure";
import type { Workspace } from "../protocol/types";
import type { CallOptions } from "../server/session";
import { folderSettings } from "../settings";
import { askForImage, rememberedImage } from "../ui/images";
import { hasFile, isAlive, pickFolder } from "../ui/pick";
import { withSteps } from "../ui/progress";
import { mayStart } from "../ui/trust";
import type { Node } from "../views/nodes";
import { attachTo } from "./attach";
import { buildImage, dockerfileOf } from "./build";

/** Start the folder's workspace, or the one whose row was clicked. */
export async function startWorkspace(app: App, node?: Node): Promise<void> {
  if (!(await mayStart())) return;
  if (node?.kind === "workspace") return startAgain(app, app.state.byId(node.workspace.id) ?? node.workspace);
  const folder = await pickFolder(app);
  if (!folder) return;
  const name = app.folders.workspaceName(folder);
  const existing = app.state.byName(name);
  if (existing?.status === "running") return offerTerminal(app, existing, "is running already");
  const image = await imageFor(app, folder, existing);
  if (image) await startFrom(app, folder, image);
}

/** Start the folder's workspace from `image`; one that is there with another image is replaced. */
export async function startFrom(app: App, folder: WorkspaceFolder, image: ImageChoice): Promise<void> {
  const name = app.folders.workspaceName(folder);
  const started = await doing(app, name, `Starting ${name}`, async (options) => {
    if (image.dockerfile) await buildImage(app, folder, image.name, image.dockerfile, options);
    app.state.begin(name, "starting");
    return app.connection.call<Workspace>(
      "dvm.workspace.start",
      {
        workspaceName: name,
        imageName: image.name,
        appPath: folder.uri.fsPath,
        ...folderSettings(folder).startOptions,
      },
      options,
    );
  });
  app.state.setWorkspace(started);
  void offerTerminal(app, started, "is running");
}

/** Start one that is there, as it was made. */
async function startAgain(app: App, workspace: Workspace): Promise<void> {
  const name = workspace.workspace || workspace.name;
  if (workspace.status === "running") return offerTerminal(app, workspace, "is running already");
  const started = await doing(app, name, `Starting ${name}`, (options) =>
    app.connection.call<Workspace>("dvm.workspace.restart", { workspace: workspace.id }, options),
  );
  app.state.setWorkspace(started);
}

/** Run `work` with its steps shown, and the workspace marked as starting meanwhile. */
async function doing<T>(
  app: App,
  name: string,
  title: string,
  work: (options: CallOptions) => Promise<T>,
): Promise<T> {
  app.state.begin(name, "starting");
  try {
    const result = await withSteps(title, app.output, work);
    app.state.finish(name);
    return result;
  } catch (error) {
    const failure = asFailure(error);
    app.state.finish(name, isCancelled(failure) ? undefined : failure.message);
    throw failure;
  }
}

interface ImageChoice {
  name: string;
  /** Built first from this file, when there is one. */
  dockerfile?: string;
}

/** The setting, else the folder's Dockerfile, else what was used or chosen before, else the user's answer. */
async function imageFor(
  app: App,
  folder: WorkspaceFolder,
  existing: Workspace | undefined,
): Promise<ImageChoice | undefined> {
  const { image } = folderSettings(folder);
  if (image) return { name: image };
  const built = dockerfileOf(folder);
  if (await hasFile(folder, built.dockerfile)) return { name: built.imageName, dockerfile: built.dockerfile };
  const known = existing?.image ?? rememberedImage(app, folder) ?? (await askForImage(app, folder));
  return known ? { name: known } : undefined;
}

/** Choose another image for the folder, and start from it. */
export async function chooseImage(app: App): Promise<void> {
  if (!(await mayStart())) return;
  const folder = await pickFolder(app);
  const name = folder && (await askForImage(app, folder));
  if (folder && name) await startFrom(app, folder, { name });
}

async function offerTerminal(app: App, workspace: Workspace, what: string): Promise<void> {
  const attach = "Attach Terminal";
  const name = workspace.workspace || workspace.name;
  const chosen = await window.showInformationMessage(`Workspace ${name} ${what}.`, attach);
  if (chosen === attach && isAlive(workspace)) await attachTo(app, workspace);
}
