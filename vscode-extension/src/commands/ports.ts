import { env, type QuickPickItem, Uri, window } from "vscode";
import type { App } from "../app";
import { Failure } from "../protocol/failure";
import type { HostPort, Workspace } from "../protocol/types";
import { isRunning, pickWorkspace } from "../ui/pick";
import type { Node } from "../views/nodes";

/** Open a published port in the browser; over a remote connection the editor forwards it. */
export async function openPort(app: App, node?: Node): Promise<void> {
  const workspace = await pickWorkspace(app, node, isWithPorts, "with a published port is running");
  if (!workspace) return;
  const port = await pickPort(workspace, node?.kind === "detail" ? node.port : undefined);
  if (!port) return;
  const address = Uri.parse(addressOf(port.key, port.at));
  if (!(await env.openExternal(await env.asExternalUri(address)))) {
    throw new Failure(`${address} was not opened`, "error");
  }
}

interface Found {
  key: string;
  at: HostPort;
}

const isWithPorts = (one: Workspace): boolean => isRunning(one) && webPorts(one).length > 0;

function webPorts(workspace: Workspace): Found[] {
  const all = Object.entries(workspace.ports ?? {}).map(([key, at]) => ({ key, at }));
  return all.filter(({ key }) => key.endsWith("/tcp"));
}

async function pickPort(workspace: Workspace, wanted: string | undefined): Promise<Found | undefined> {
  const all = webPorts(workspace);
  const named = all.find(({ key }) => key === wanted);
  if (named || all.length === 1) return named ?? all[0];
  if (!all.length) {
    throw new Failure(
      `${workspace.name} publishes no port`,
      "invalid_option",
      "Give ports in dvm.startOptions.",
    );
  }
  const items: (QuickPickItem & { found: Found })[] = all.map((found) => ({
    label: found.key,
    description: `${found.at.host}:${found.at.port}`,
    found,
  }));
  return (await window.showQuickPick(items, { placeHolder: "Port" }))?.found;
}

/** Ports that speak TLS by custom are opened with it. */
export function addressOf(key: string, at: HostPort): string {
  const scheme = key === "443/tcp" || key === "8443/tcp" ? "https" : "http";
  return `${scheme}://${at.host.includes(":") ? `[${at.host}]` : at.host}:${at.port}/`;
}
