import { execFile } from "node:child_process";
import { type Extension, extensions, type Uri, workspace } from "vscode";

const OLDEST = [3, 11] as const;
const ON_PATH =
  process.platform === "win32"
    ? ["python", "python3", "py"]
    : ["python3", "python3.13", "python3.12", "python3.11", "python"];
const PROBE_LIMIT = 10_000;

/** A Python that answered. */
export interface Python {
  program: string;
  version: string;
  /** Whether `dvm_server` is installed in it. */
  hasServer: boolean;
}

export type Probe = (program: string) => Promise<Python | undefined>;

/** Ask a Python for its version, and whether it has our server. Undefined when there is no such program. */
export const probe: Probe = (program) =>
  new Promise((resolve) => {
    const question =
      "import sys, importlib.util as u; print('%d.%d.%d' % sys.version_info[:3], u.find_spec('dvm_server') is not None)";
    // -I: neither the folder that is open nor variables decide what is imported.
    execFile(
      program,
      ["-I", "-c", question],
      { timeout: PROBE_LIMIT, windowsHide: true },
      (error, stdout) => {
        const [version, hasServer] = stdout.trim().split(" ");
        resolve(error || !version ? undefined : { program, version, hasServer: hasServer === "True" });
      },
    );
  });

export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/**
 * The first Python that is new enough among `programs`.
 *
 * What else answered is in `tooOld`, for the message when there is none.
 */
export async function firstSuitable(
  programs: string[],
  ask: Probe = probe,
): Promise<{ python?: Python; tooOld: Python[] }> {
  const tooOld: Python[] = [];
  for (const program of new Set(programs)) {
    const python = await ask(program);
    if (!python) continue;
    if (isNewEnough(python.version)) return { python, tooOld };
    tooOld.push(python);
  }
  return { tooOld };
}

/**
 * Where to look, in order: the setting, the interpreter selected in the Python
 * extension, PATH. A setting stands alone: another Python would surprise.
 */
export async function candidates(setting: string): Promise<string[]> {
  if (setting) return [setting];
  const selected = await selectedInterpreter();
  return selected ? [selected, ...ON_PATH] : ON_PATH;
}

interface PythonApi {
  environments: {
    getActiveEnvironmentPath(resource?: Uri): { path: string };
    resolveEnvironment(path: { path: string }): Promise<{ executable?: { uri?: Uri } } | undefined>;
  };
}

async function selectedInterpreter(): Promise<string | undefined> {
  // A folder may bring its own environment, so only a trusted one has a say.
  if (!workspace.isTrusted) return undefined;
  const python: Extension<PythonApi> | undefined = extensions.getExtension("ms-python.python");
  if (!python) return undefined;
  try {
    const { environments } = python.isActive ? python.exports : await python.activate();
    const path = environments.getActiveEnvironmentPath(workspace.workspaceFolders?.[0]?.uri);
    return (await environments.resolveEnvironment(path))?.executable?.uri?.fsPath;
  } catch {
    // Another extension's trouble must not be ours: PATH comes next.
    return undefined;
  }
}
