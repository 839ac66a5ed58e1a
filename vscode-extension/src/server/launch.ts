import { existsSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { Failure } from "../protocol/failure";
import type { ServerSettings } from "../settings";
import { firstSuitable, type Probe, probe } from "./python";

/** How the server is started, and where it comes from. */
export interface Launch {
  command: string;
  args: string[];
  /** Variables besides the editor's own; a terminal in a workspace needs them too. */
  env: Record<string, string>;
  /** For the log, as in `bundled, Python 3.12.3 (python3)`. */
  origin: string;
}

export interface Places {
  /** The Python packages in this extension. */
  bundled: string;
  /** Where compiled modules are kept when the extension's own folder cannot be written. */
  pycache: string;
  /** The PATH to search. */
  path: string;
}

/**
 * Decide how to start the server: the program that `dvm.server.path` names; else, by
 * `dvm.server.importStrategy`, the bundled packages or those installed, each the other's substitute.
 *
 * @throws Failure kind `no_python`, with what was found instead.
 */
export async function chooseLaunch(
  settings: ServerSettings,
  pythons: string[],
  places: Places,
  ask: Probe = probe,
): Promise<Launch> {
  if (settings.path)
    return { command: settings.path, args: [], env: {}, origin: `dvm.server.path: ${settings.path}` };
  const { python, tooOld } = await firstSuitable(pythons, ask);
  const bundled = python && {
    command: python.program,
    args: ["-m", "dvm_server"],
    env: bundledEnvironment(places),
    origin: `bundled, Python ${python.version} (${python.program})`,
  };
  if (bundled && settings.importStrategy === "useBundled") return bundled;
  if (python?.hasServer) {
    return {
      command: python.program,
      args: ["-m", "dvm_server"],
      env: { PYTHONSAFEPATH: "1" },
      origin: `installed, Python ${python.version} (${python.program})`,
    };
  }
  const installed = onPath("dvm-server", places.path);
  if (installed) return { command: installed, args: [], env: {}, origin: `PATH: ${installed}` };
  if (bundled) return bundled;
  const found = tooOld.map((old) => `${old.program} is ${old.version}`).join(", ");
  throw new Failure(
    `DVM needs Python 3.11 or newer${found ? `; ${found}` : "; none was found"}`,
    "no_python",
    "Install one, or name it in the setting dvm.interpreter.",
  );
}

function bundledEnvironment(places: Places): Record<string, string> {
  return {
    PYTHONPATH: places.bundled,
    // Neither the open folder nor the user's own packages may replace ours.
    PYTHONSAFEPATH: "1",
    PYTHONNOUSERSITE: "1",
    PYTHONPYCACHEPREFIX: places.pycache,
  };
}

function onPath(program: string, path: string): string | undefined {
  const names = process.platform === "win32" ? [`${program}.exe`, `${program}.cmd`] : [program];
  return path
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
}
