import { type OutputChannel, ProgressLocation, window } from "vscode";
import type { CallOptions, Step } from "../server/session";

/**
 * Show long work in a notification with its real steps and a button that cancels it.
 *
 * Every step is written to `output` too, where it can be read when it has passed.
 */
export function withSteps<T>(
  title: string,
  output: OutputChannel,
  work: (options: CallOptions) => Promise<T>,
): Thenable<T> {
  output.appendLine(`--- ${title}`);
  return window.withProgress(
    { location: ProgressLocation.Notification, title, cancellable: true },
    (progress, token) => {
      let done = 0;
      const onStep = ({ message, percentage }: Step): void => {
        if (message) output.appendLine(message);
        const increment = percentage === undefined ? 0 : Math.max(0, percentage - done);
        done += increment;
        progress.report({ ...(message ? { message } : {}), increment });
      };
      return work({ token, onStep });
    },
  );
}

/** Show short work at the bottom of the window. */
export function briefly<T>(title: string, work: () => Promise<T>): Thenable<T> {
  return window.withProgress({ location: ProgressLocation.Window, title: `DVM: ${title}` }, work);
}
