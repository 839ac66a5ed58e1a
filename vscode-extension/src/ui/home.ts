import { window } from "vscode";
import { asFailure, Failure } from "../protocol/failure";

/** The argument that allows to mount the home folder, which the server refuses otherwise. */
export type HomeArgument = { allowHome?: true };

/** Run a start; if it is refused because of the home folder, ask the user and run it again with his consent. */
export async function askBeforeHome<T>(start: (argument: HomeArgument) => Thenable<T>): Promise<T> {
  try {
    return await start({});
  } catch (error) {
    const failure = asFailure(error);
    if (!failure.hint.includes("allowHome")) throw failure;
    const mount = "Mount";
    const detail =
      "Programs in the workspace could read all keys and passwords in it. Open a folder inside it instead, if you can.";
    const chosen = await window.showWarningMessage("Mount your home folder?", { modal: true, detail }, mount);
    if (chosen !== mount) throw new Failure("the home folder was not mounted", "cancelled");
    return start({ allowHome: true });
  }
}
