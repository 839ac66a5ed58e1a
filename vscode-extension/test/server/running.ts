// The whole extension in this process, with a real vscode-languageclient and a real dvm-server.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "vitest";
import { type ExtensionContext, Uri } from "vscode";
import { activate, deactivate } from "../../src/extension";
import { fake } from "../stub/fake";

export const PYTHON = process.env.DVM_TEST_PYTHON ?? resolve(__dirname, "../../../.venv/bin/python");

/** dvm-server on a mock engine, to which a test can do things from outside. */
const MOCK_SERVER = resolve(__dirname, "../../../tests/server/mock_server.py");

/** How long the slowest machine may take for what a test waits for. */
const LIMIT = 30_000;

export interface Running {
  /** An empty folder, open in the editor. */
  folder: string;
  memory: Map<string, unknown>;
  subscriptions: { dispose(): unknown }[];
}

export function open(): Running {
  fake.reset();
  const folder = join(mkdtempSync(join(tmpdir(), "dvm-extension-")), "shop");
  mkdirSync(folder);
  fake.folders = [{ uri: Uri.file(folder), name: "shop", index: 0 }] as unknown as typeof fake.folders;
  const program = join(folder, "..", "dvm-server");
  writeFileSync(program, `#!/bin/sh\nexec ${PYTHON} ${MOCK_SERVER}\n`);
  chmodSync(program, 0o755);
  fake.settings = { "dvm.server.path": program, "dvm.runtime": "mock:tests" };
  return { folder, memory: new Map(), subscriptions: [] };
}

export function start(running: Running): void {
  const { memory, subscriptions } = running;
  const memento = {
    get: (key: string, otherwise: unknown) => memory.get(key) ?? otherwise,
    update: async (key: string, value: unknown) => void memory.set(key, value),
  };
  activate({
    subscriptions,
    workspaceState: memento,
    globalStorageUri: Uri.file(join(running.folder, "storage")),
    asAbsolutePath: (path: string) => resolve(__dirname, "../..", path),
  } as unknown as ExtensionContext);
}

export async function close(running: Running): Promise<void> {
  await deactivate();
  for (const one of running.subscriptions) one.dispose();
  rmSync(resolve(running.folder, ".."), { recursive: true });
}

/** Wait for the status bar to say something; when it does not, the log tells why. */
export async function statusIs(text: RegExp): Promise<void> {
  try {
    await expect.poll(() => fake.statusItem.text, { timeout: LIMIT }).toMatch(text);
  } catch (error) {
    throw new Error(`${error}\nShown: ${fake.shown.join("\n")}\nLog: ${channel("DVM")}`);
  }
}

/** Wait for a message or a question. */
export async function isShown(text: RegExp): Promise<void> {
  await expect.poll(() => fake.shown.join("\n"), { timeout: LIMIT }).toMatch(text);
}

/** The text of an output channel. */
export function channel(name: string): string {
  return fake.channels.get(name)?.text ?? "";
}

export async function run(command: string, ...args: unknown[]): Promise<void> {
  const handler = fake.commands.get(command);
  if (!handler) throw new Error(`no command ${command}`);
  await handler(...args);
}

/** Somebody else does something at the engine: a method of `MockControls`. */
export async function outside(method: string, ...args: unknown[]): Promise<void> {
  await run("mock", { do: method, with: args });
}

/** The server's process, as the system lists this one's children. */
export function serverPid(): number {
  const found = execFileSync("ps", ["-ww", "-o", "pid=,args=", "--ppid", String(process.pid)], {
    encoding: "utf8",
  });
  const line = found.split("\n").find((one) => one.includes(MOCK_SERVER));
  if (!line) throw new Error(`no server among:\n${found}`);
  return Number.parseInt(line, 10);
}
