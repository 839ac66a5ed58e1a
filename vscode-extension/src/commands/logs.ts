import { type OutputChannel, window } from "vscode";
import type { App } from "../app";
import type { Workspace } from "../protocol/types";
import { logTail } from "../settings";
import { isAny, pickWorkspace } from "../ui/pick";
import type { Node } from "../views/nodes";

const channels = new Map<string, OutputChannel>();

/** Show what a workspace has written. */
export async function showLogs(app: App, node?: Node): Promise<void> {
  const workspace = await pickWorkspace(app, node, isAny, "is there");
  if (!workspace) return;
  const { text } = await app.connection.call<{ text: string }>("dvm.workspace.logs", {
    workspace: workspace.id,
    tail: logTail(),
  });
  const channel = channelFor(workspace);
  channel.replace(text || "(it has written nothing)\n");
  channel.show(true);
}

function channelFor(workspace: Workspace): OutputChannel {
  const name = `DVM: ${workspace.name}`;
  const channel = channels.get(name) ?? window.createOutputChannel(name);
  channels.set(name, channel);
  return channel;
}
