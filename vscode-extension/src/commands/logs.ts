import { CancellationTokenSource, type OutputChannel, window } from "vscode";
import type { App } from "../app";
import { asFailure, isCancelled } from "../protocol/failure";
import type { Workspace } from "../protocol/types";
import { logTail } from "../settings";
import { showFailure } from "../ui/failures";
import { isAny, pickWorkspace } from "../ui/pick";
import type { Node } from "../views/nodes";

/** One workspace's log on show. */
interface Followed {
  channel: OutputChannel;
  stop: CancellationTokenSource;
}

const followed = new Map<string, Followed>();

/** Show the last lines of what a workspace has written, and what it goes on to write until it ends. */
export async function showLogs(app: App, node?: Node): Promise<void> {
  const workspace = await pickWorkspace(app, node, isAny, "is there");
  if (!workspace) return;
  const before = followed.get(workspace.name);
  before?.stop.cancel();
  const channel = before?.channel ?? window.createOutputChannel(`DVM: ${workspace.name}`);
  channel.clear();
  channel.show(true);
  const stop = new CancellationTokenSource();
  followed.set(workspace.name, { channel, stop });
  // Not awaited: it lasts as long as the workspace runs.
  void follow(app, workspace, channel, stop);
}

async function follow(app: App, workspace: Workspace, channel: OutputChannel, stop: CancellationTokenSource) {
  const listening = app.connection.onLogs((piece) => {
    if (piece.workspace === workspace.id && !stop.token.isCancellationRequested) channel.append(piece.text);
  });
  try {
    const argument = { workspace: workspace.id, tail: logTail(), follow: true };
    await app.connection.call("dvm.workspace.logs", argument, { token: stop.token });
    channel.appendLine("--- it has ended");
  } catch (error) {
    if (!isCancelled(asFailure(error))) void showFailure(app, "Show Logs", error);
  } finally {
    listening.dispose();
    stop.dispose();
  }
}
