import { type WorkspaceFolder, window } from "vscode";
import type { App } from "../app";
import { Failure } from "../protocol/failure";
import type { Image } from "../protocol/types";
import type { CallOptions } from "../server/session";
import { folderSettings } from "../settings";
import { whileDoing } from "../ui/doing";
import { showFailure } from "../ui/failures";
import { hasFile, pickFolder } from "../ui/pick";
import { withSteps } from "../ui/progress";
import { mayStart } from "../ui/trust";
import { startFrom } from "./start";

/** Where a folder's image is described, as the server and `dvm up` look for it. */
const DOCKERFILES = ["Dockerfile", "Containerfile", ".devcontainer/Dockerfile"];

/** The file that the folder's image is built from: the setting's, else the first there is; undefined when there is none. */
export async function dockerfileIn(folder: WorkspaceFolder): Promise<string | undefined> {
  const { dockerfile } = folderSettings(folder);
  for (const name of dockerfile ? [dockerfile] : DOCKERFILES) {
    if (await hasFile(folder, name)) return name;
  }
  return undefined;
}

/** Ask the server to build the folder's image; its steps go to `options`. The name that the server gives it. */
export async function buildImage(
  app: App,
  folder: WorkspaceFolder,
  dockerfile: string,
  options: CallOptions,
): Promise<string> {
  const image = await whileDoing(app.state, app.folders.name(folder), "building", () =>
    app.connection.call<Image>(
      "dvm.image.build",
      {
        folder: folder.uri.fsPath,
        appPath: folder.uri.fsPath,
        dockerfile: `${folder.uri.fsPath}/${dockerfile}`,
        ...folderSettings(folder).buildOptions,
      },
      options,
    ),
  );
  return image.tags[0] ?? image.id;
}

/** Build the folder's image anew, then offer to start the workspace from it. */
export async function rebuildImage(app: App): Promise<void> {
  if (!(await mayStart())) return;
  const folder = await pickFolder(app);
  if (!folder) return;
  const dockerfile = await dockerfileIn(folder);
  if (!dockerfile) {
    const missing = folderSettings(folder).dockerfile || "Dockerfile";
    const hint = "Write one, or name it in the setting dvm.dockerfile.";
    throw new Failure(`there is no ${missing} in ${folder.name}`, "invalid_option", hint);
  }
  const imageName = await withSteps(`Building ${app.folders.name(folder)}`, app.output, (options) =>
    buildImage(app, folder, dockerfile, options),
  );
  void offerStart(app, folder, imageName);
}

async function offerStart(app: App, folder: WorkspaceFolder, imageName: string): Promise<void> {
  const start = app.folders.active(folder) ? "Recreate Workspace" : "Start Workspace";
  const chosen = await window.showInformationMessage(`Image ${imageName} is built.`, start);
  if (chosen !== start) return;
  // The command is over by now, so its errors are told from here.
  await startFrom(app, folder, { name: imageName }).catch((error) => showFailure(app, start, error));
}
