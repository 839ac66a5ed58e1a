import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Backoff } from "../../src/server/backoff";
import { chooseLaunch } from "../../src/server/launch";
import { candidates, firstSuitable, isNewEnough, type Python, probe } from "../../src/server/python";
import { withoutSecrets } from "../../src/server/trace";
import type { ServerSettings } from "../../src/settings";
import { fake } from "../stub/fake";

beforeEach(() => fake.reset());

describe("starting the server again", () => {
  it("waits longer each time, and tells the user once", () => {
    const backoff = new Backoff();
    const decisions = [0, 1000, 2000, 3000].map((now) => backoff.ended(now));
    expect(decisions).toEqual([
      { restart: true, delay: 250, tell: true },
      { restart: true, delay: 500, tell: false },
      { restart: true, delay: 1000, tell: false },
      { restart: true, delay: 2000, tell: false },
    ]);
  });

  it("gives up at the fifth end within three minutes", () => {
    const backoff = new Backoff();
    for (const now of [0, 1, 2, 3]) backoff.ended(now);
    expect(backoff.ended(179_000)).toEqual({ restart: false });
  });

  it("forgets what is longer ago, and what the user has put right", () => {
    const backoff = new Backoff();
    for (const now of [0, 1, 2, 3]) backoff.ended(now);
    expect(backoff.ended(200_000)).toMatchObject({ restart: true, delay: 250, tell: true });
    backoff.forget();
    expect(backoff.ended(200_001)).toMatchObject({ tell: true });
  });
});

describe("finding a Python", () => {
  const answers: Record<string, Python> = {
    old: { program: "old", version: "3.9.2", hasServer: false },
    good: { program: "good", version: "3.12.1", hasServer: false },
    other: { program: "other", version: "3.13.0", hasServer: true },
  };
  const ask = async (program: string): Promise<Python | undefined> => answers[program];

  it.each([
    ["3.10.14", false],
    ["3.11.0", true],
    ["3.9.20", false],
    ["4.0.0", true],
    ["2.7.18", false],
  ])("%s is new enough: %s", (version, expected) => expect(isNewEnough(version)).toBe(expected));

  it("takes the first that is new enough, and remembers those that were not", async () => {
    expect(await firstSuitable(["missing", "old", "good", "other"], ask)).toEqual({
      python: answers.good,
      tooOld: [answers.old],
    });
  });

  it("asks a real one", async () => {
    expect(await probe("python3")).toMatchObject({
      program: "python3",
      version: expect.stringMatching(/^3\.\d+\.\d+$/),
    });
    expect(await probe("/nowhere/python3")).toBeUndefined();
  });

  it("takes the setting alone, else the selected one before those on PATH", async () => {
    expect(await candidates("/opt/python")).toEqual(["/opt/python"]);
    fake.extensions.set("ms-python.python", {
      isActive: true,
      exports: {
        environments: {
          getActiveEnvironmentPath: () => ({ path: "/env" }),
          resolveEnvironment: async () => ({ executable: { uri: { fsPath: "/env/bin/python" } } }),
        },
      },
    });
    expect((await candidates(""))[0]).toBe("/env/bin/python");
  });

  it("does not ask for the interpreter of a folder that is not trusted, nor fail with the Python extension", async () => {
    const broken = { isActive: false, activate: () => Promise.reject(new Error("broken")) };
    fake.extensions.set("ms-python.python", broken);
    expect((await candidates(""))[0]).toBe("python3");
    fake.trusted = false;
    expect((await candidates(""))[0]).toBe("python3");
  });
});

describe("choosing how to start the server", () => {
  const settings: ServerSettings = {
    path: "",
    interpreter: "",
    importStrategy: "useBundled",
    runtime: "auto",
  };
  const places = { bundled: "/ext/libs", pycache: "/cache", path: "" };
  const python =
    (hasServer: boolean, version = "3.12.1") =>
    async (program: string) => ({ program, version, hasServer });
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dvm-launch-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const serverOnPath = (): string => {
    const program = join(folder, "dvm-server");
    writeFileSync(program, "");
    chmodSync(program, 0o755);
    return program;
  };

  it("runs what dvm.server.path names, and asks no Python", async () => {
    const ask = () => Promise.reject(new Error("asked"));
    const launch = await chooseLaunch({ ...settings, path: "/opt/dvm-server" }, ["python3"], places, ask);
    expect(launch).toMatchObject({ command: "/opt/dvm-server", args: [], env: {} });
  });

  it("runs the bundled one so that nothing of the open folder is imported", async () => {
    const launch = await chooseLaunch(settings, ["python3"], places, python(true));
    expect(launch).toMatchObject({
      command: "python3",
      args: ["-m", "dvm_server"],
      env: {
        PYTHONPATH: "/ext/libs",
        PYTHONSAFEPATH: "1",
        PYTHONNOUSERSITE: "1",
        PYTHONPYCACHEPREFIX: "/cache",
      },
    });
  });

  it("prefers the installed one when told to, then PATH, then the bundled one", async () => {
    const wanted = { ...settings, importStrategy: "fromEnvironment" as const };
    const installed = await chooseLaunch(wanted, ["python3"], places, python(true));
    expect(installed.env).toEqual({ PYTHONSAFEPATH: "1" });
    const program = serverOnPath();
    const found = await chooseLaunch(
      wanted,
      ["python3"],
      { ...places, path: `relative:${folder}` },
      python(false),
    );
    expect(found.command).toBe(program);
    const bundled = await chooseLaunch(wanted, ["python3"], places, python(false));
    expect(bundled.env.PYTHONPATH).toBe("/ext/libs");
  });

  it("takes a dvm-server on PATH where no Python is new enough", async () => {
    const program = serverOnPath();
    const launch = await chooseLaunch(
      settings,
      ["python3"],
      { ...places, path: folder },
      python(false, "3.9.2"),
    );
    expect(launch.command).toBe(program);
  });

  it("says what was found when nothing will do", async () => {
    const failing = chooseLaunch(settings, ["python3"], places, python(false, "3.9.2"));
    await expect(failing).rejects.toMatchObject({
      kind: "no_python",
      message: "DVM needs Python 3.11 or newer; python3 is 3.9.2",
      hint: expect.stringContaining("dvm.interpreter"),
    });
    await expect(chooseLaunch(settings, [], places)).rejects.toThrow("none was found");
  });
});

it("leaves values that may be secrets out of the trace", () => {
  const message =
    'Params: {"env": {"TOKEN": "s3cret", "A": "b"}, "image": "x", "buildArgs":{"KEY":"hidden"}}';
  const shown = withoutSecrets(message);
  expect(shown).not.toMatch(/s3cret|hidden|TOKEN/);
  expect(shown).toContain('"image": "x"');
});
