import { type QuickPickItem, QuickPickItemKind, window } from "vscode";
import type { App } from "../app";
import type { Platform, RuntimeInfo } from "../protocol/types";
import { briefly } from "../ui/progress";
import type { Node } from "../views/nodes";

export const RUNTIME = "runtime";

/** Use another runtime from now on, without a reload. */
export async function switchRuntime(app: App, node?: Node): Promise<void> {
  const runtime = node?.kind === "runtime" ? node.platform.selector : await choose(app);
  if (!runtime) return;
  await selectRuntime(app, runtime);
  await app.memory.update(RUNTIME, runtime);
}

/** Tell the server which runtime to use, and show what is on it. */
export async function selectRuntime(app: App, runtime: string): Promise<void> {
  const info = await briefly(`Switching to ${runtime}`, () =>
    app.connection.call<RuntimeInfo>("dvm.runtime.select", { runtime }),
  );
  app.log.info(`Runtime: ${info.platformName} ${info.version}`);
  await app.refresh.everything();
}

async function choose(app: App): Promise<string | undefined> {
  const asked = app.connection.call<Platform[]>("dvm.platform.list");
  const items = asked.then((platforms) => {
    app.state.setPlatforms(platforms);
    return runtimeItems(platforms);
  });
  const chosen = await window.showQuickPick(items, {
    title: "Switch Runtime",
    placeHolder: "The engine that workspaces run on",
    matchOnDescription: true,
  });
  return chosen?.runtime;
}

export function runtimeItems(platforms: Platform[]): (QuickPickItem & { runtime: string })[] {
  const item = (one: Platform): QuickPickItem & { runtime: string } => ({
    label: `$(${one.active ? "check" : one.reachable ? "server-environment" : "debug-disconnect"}) ${one.name}`,
    description: one.reachable ? one.version : one.problem || "not running",
    detail: one.reachable ? one.endpoint : one.hint,
    runtime: one.selector,
  });
  const separator = { label: "not running", kind: QuickPickItemKind.Separator, runtime: "" };
  const unreachable = platforms.filter((one) => !one.reachable);
  return [
    { label: "$(wand) Automatic", description: "the first that answers", runtime: "auto" },
    ...platforms.filter((one) => one.reachable).map(item),
    ...(unreachable.length ? [separator, ...unreachable.map(item)] : []),
  ];
}
