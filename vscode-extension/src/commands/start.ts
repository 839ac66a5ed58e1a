import { type WorkspaceFolder, window } from "vscode";
import type { App } from "../app";
import type { Workspace } from "../protocol/types";
import { folderSettings } from "../settings";
import { whileDoing } from "../ui/doing";
import { askBeforeHome, type HomeArgument } from "../ui/home";
import { askForImage, rememberedImage } from "../ui/images";
import { pickFolder } from "../ui/pick";
import { withSteps } from "../ui/progress";
import { mayStart } from "../ui/trust";
import type { Node } from "../views/nodes";
import { attachTo } from "./attach";
import { buildImage, dockerfileIn } from "./build";

/** Start the folder's workspace, or the one whose row was clicked. */
export async function startWorkspace(app: App, node?: Node): Promise<void> {
  if (!(await mayStart())) return;
  if (node?.kind === "workspace") return startAgain(app, app.state.byId(node.workspace.id) ?? node.workspace);
  const folder = await pickFolder(app);
  if (!folder) return;
  const existing = app.folders.active(folder);
  if (existing?.status === "running") return offerTerminal(app, existing, "is running already");
  const image = await imageFor(app, folder, existing);
  if (image) await startFrom(app, folder, image);
  else if (existing) await startAgain(app, existing);
}

/** An image by name, or one that is built first from a file. */
type ImageChoice = { name: string } | { dockerfile: string };

/** Start the folder's workspace from `image`; one that is there with another image is replaced. */
export async function startFrom(app: App, folder: WorkspaceFolder, image: ImageChoice): Promise<void> {
  const name = app.folders.name(folder);
  const { workspaceName, startOptions } = folderSettings(folder);
  const started = await whileDoing(app.state, name, "starting", () =>
    withSteps(`Starting ${name}`, app.output, async (options) => {
      const imageName =
        "name" in image ? image.name : await buildImage(app, folder, image.dockerfile, options);
      const start = (home: HomeArgument) =>
        app.connection.call<Workspace>(
          "dvm.workspace.start",
          {
            folder: folder.uri.fsPath,
            imageName,
            ...(workspaceName ? { workspaceName } : {}),
            ...startOptions,
            ...home,
          },
          options,
        );
      return askBeforeHome(start);
    }),
  );
  app.state.setWorkspace(started);
  void offerTerminal(app, started, "is running");
}

/** Start one that is there, as it was made. */
async function startAgain(app: App, workspace: Workspace): Promise<void> {
  const name = workspace.workspace || workspace.name;
  if (workspace.status === "running") return offerTerminal(app, workspace, "is running already");
  const started = await whileDoing(app.state, name, "starting", () =>
    withSteps(`Starting ${name}`, app.output, (options) =>
      app.connection.call<Workspace>("dvm.workspace.start", { workspace: workspace.id }, options),
    ),
  );
  app.state.setWorkspace(started);
}

/**
 * The setting, else the folder's Dockerfile, else what was chosen before, else the user's answer.
 * Undefined also when the workspace that is there is to be started as it is.
 */
async function imageFor(
  app: App,
  folder: WorkspaceFolder,
  existing: Workspace | undefined,
): Promise<ImageChoice | undefined> {
  const { image } = folderSettings(folder);
  if (image) return { name: image };
  const dockerfile = await dockerfileIn(folder);
  if (dockerfile) return { dockerfile };
  const remembered = rememberedImage(app, folder);
  if (remembered) return { name: remembered };
  const answer = existing ? undefined : await askForImage(app, folder);
  return answer ? { name: answer } : undefined;
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
  if (chosen === attach) await attachTo(app, workspace);
}
