import { commands, window } from "vscode";
import type { App } from "../app";
import { asFailure, isCancelled } from "../protocol/failure";
import { remedies } from "./remedies";

/**
 * Tell the user of an error, with its hint and the buttons that do what it says.
 *
 * @param doing what was tried, as in `Start Workspace`.
 * @param again does it once more; offered where trying again may help.
 */
export async function showFailure(
  app: App,
  doing: string,
  error: unknown,
  again?: () => void,
): Promise<void> {
  const failure = asFailure(error);
  if (isCancelled(failure)) {
    window.setStatusBarMessage(`$(circle-slash) DVM: ${doing} cancelled`, 4000);
    return;
  }
  app.log.error(`${doing}: ${failure.message}${failure.hint ? ` | ${failure.hint}` : ""}`);
  // The lines of a build were written there as they came.
  if (failure.logs && failure.kind !== "build_failed") app.output.appendLine(failure.logs.trimEnd());
  const offered = remedies(failure);
  const retry = again && ["timeout", "engine_error"].includes(failure.kind) ? ["Try Again"] : [];
  // A word gets its capital; an option's or a file's name stays as it is.
  const message = failure.message.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
  const sentence = `${message.replace(/\.$/, "")}.`;
  // The message may be the error's own sentence, which has the hint in it already.
  const text = failure.hint && !sentence.includes(failure.hint) ? `${sentence} ${failure.hint}` : sentence;
  const chosen = await window.showErrorMessage(text, ...retry, ...offered.map((one) => one.title));
  if (chosen === "Try Again") again?.();
  const remedy = offered.find((one) => one.title === chosen);
  if (remedy) await commands.executeCommand(remedy.command, ...remedy.arguments);
}
