// What the tests are given by whoever starts them (tests/vscode, or a person).
import { mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const EXTENSION = resolve(import.meta.dirname, "..");

/** How long the slowest machine may take for one change on the screen, in milliseconds. */
export const PATIENCE = Number(process.env.DVM_E2E_PATIENCE ?? 90_000);

/** The folder of code-server, as `scripts/workbench` prints it. */
export function workbench(): string {
  return needed("DVM_E2E_WORKBENCH", "what scripts/workbench prints");
}

/** The packaged extension: what users install is what is tested. */
export function vsix(): string {
  const found = readdirSync(EXTENSION).filter((name) => name.endsWith(".vsix"));
  if (found.length !== 1) throw new Error(`one .vsix is needed, not ${found.length}: run scripts/package`);
  return join(EXTENSION, found[0] as string);
}

/** A real Docker Engine: where it listens, and an image on it with busybox. */
export function docker(): { socket: string; image: string } {
  const endpoint = needed("DVM_E2E_DOCKER", "unix:///…/docker.sock");
  return { socket: endpoint.replace("unix://", ""), image: needed("DVM_E2E_IMAGE", "an image on it") };
}

/** A Python 3.11 or newer that has nothing of ours installed. */
export function python(): string {
  return process.env.DVM_E2E_PYTHON ?? "python3";
}

/** Where the pictures of a run are kept. */
export function pictures(): string {
  const folder = process.env.DVM_E2E_PICTURES ?? resolve(EXTENSION, "../artifacts/vscode");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Where the pictures of the README are. */
export function images(): string {
  return join(EXTENSION, "images");
}

function needed(name: string, what: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: ${what}`);
  return value;
}
