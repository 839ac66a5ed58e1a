import { existsSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { deactivate } from "../../src/extension";
import { fake } from "../stub/fake";
import {
  channel,
  close,
  isShown,
  open,
  outside,
  PYTHON,
  type Running,
  run,
  serverPid,
  start,
  statusIs,
} from "./running";

let running: Running;

beforeEach(() => {
  running = open();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await close(running);
});

/** Open the window; the engine has the image debian:12. */
async function opened(): Promise<void> {
  start(running);
  await statusIs(/shop not started · Mock/);
  await outside("add_image", "debian:12");
}

async function startMock(): Promise<void> {
  fake.settings["dvm.image"] = "debian:12";
  await opened();
  await run("dvm.startWorkspace");
  await statusIs(/shop running · Mock/);
}

it("starts, restarts, stops and removes the folder's workspace, and the status bar follows", async () => {
  await startMock();
  expect(fake.shown).toContain("Workspace shop is running.");
  await run("dvm.restartWorkspace");
  await statusIs(/shop running/);
  await run("dvm.stopWorkspace");
  await statusIs(/shop stopped/);
  await run("dvm.startWorkspace");
  await statusIs(/shop running/);
  fake.answers = [[/Remove workspace shop\?/, "Remove"]];
  await run("dvm.removeWorkspace");
  await statusIs(/shop not started/);
});

it("gives the editor's terminal what it has to run", async () => {
  await startMock();
  await run("dvm.attachTerminal");
  fake.answers = [[/Run Command in shop/, "make test"]];
  await run("dvm.runCommand");
  expect(fake.terminals).toHaveLength(2);
  expect(fake.terminals[0]).toMatchObject({ name: "shop", shellPath: PYTHON });
  expect(fake.terminals[1]).toMatchObject({ name: "shop: make test" });
  // What else is in the arguments is the server's business: it differs by engine.
  expect(fake.terminals.map((one) => (one.shellArgs as string[])[0])).toEqual(["-m", "-m"]);
  await expect(fake.profile?.provideTerminalProfile()).resolves.toMatchObject({ options: { name: "shop" } });
});

it("stops all, after asking", async () => {
  await startMock();
  await run("dvm.stopAll");
  await statusIs(/shop running/);
  fake.answers = [[/Stop one workspace\?/, "Stop All"]];
  await run("dvm.stopAll");
  await statusIs(/shop stopped/);
  await run("dvm.stopAll");
  expect(fake.shown.at(-1)).toBe("No workspace is running.");
});

it("builds the folder's image with its steps, starts from it, and says when there is no Dockerfile", async () => {
  await opened();
  await run("dvm.rebuildImage");
  await isShown(/There is no Dockerfile in shop\. Write one/);
  writeFileSync(`${running.folder}/Dockerfile`, "FROM debian:12\nRUN echo built\n");
  fake.files.add(`${running.folder}/Dockerfile`);
  fake.answers = [[/Image dvm-shop-\w+(:latest)? is built/, "Start Workspace"]];
  await run("dvm.rebuildImage");
  await statusIs(/shop running/);
  expect(channel("DVM Builds")).toContain("RUN echo built");
});

it("asks for an image once, and remembers the answer", async () => {
  await opened();
  expect(fake.pickers).toBe(0);
  fake.typed = "debian:12";
  await run("dvm.startWorkspace");
  await statusIs(/running/);
  fake.answers = [[/Remove/, "Remove with Volumes"]];
  await run("dvm.removeWorkspace");
  await statusIs(/not started/);
  await run("dvm.startWorkspace");
  await statusIs(/running/);
  expect(fake.pickers).toBe(1);
});

it("asks before it mounts the home folder", async () => {
  vi.stubEnv("HOME", running.folder);
  fake.settings["dvm.image"] = "debian:12";
  await opened();
  await run("dvm.startWorkspace");
  expect(fake.shown).toContain("Mount your home folder?");
  await statusIs(/shop not started/);
  fake.answers = [[/Mount your home folder\?/, "Mount"]];
  await run("dvm.startWorkspace");
  await statusIs(/shop running/);
});

it("tells of an error with its hint, and marks the workspace", async () => {
  fake.settings["dvm.image"] = "Not An Image";
  await opened();
  await run("dvm.startWorkspace");
  await isShown(/imageName/);
  expect(fake.offered.at(-1)).toContain("Open Settings");
  await statusIs(/shop failed/);
});

it("shows a log, and goes on while it is written", async () => {
  const command = ["sh", "-c", "echo first; sleep 1; echo second"];
  fake.settings["dvm.startOptions"] = { containerName: "dvm-shop", command };
  await startMock();
  await run("dvm.showLogs");
  await expect
    .poll(() => channel("DVM: dvm-shop"), { timeout: 30_000 })
    .toMatch(/first\nsecond\n--- it has ended/);
});

it("runs the doctor, and does what a hint says", async () => {
  start(running);
  await statusIs(/Mock/);
  await run("dvm.runDoctor");
  const items = fake.offered.at(-1) ?? [];
  expect(items.some((item) => item.includes("dvm"))).toBe(true);
  expect(channel("DVM")).toContain("Doctor: ok: dvm:");
});

it("follows what others do at the engine", async () => {
  fake.settings["dvm.startOptions"] = { containerName: "dvm-shop" };
  await startMock();
  await outside("kill", "dvm-shop");
  await statusIs(/shop stopped/);
  expect(fake.statusItem.tooltip).toContain("exit code 137");
  await run("dvm.startWorkspace");
  await statusIs(/shop running/);
  await outside("pause", "dvm-shop");
  await statusIs(/shop paused/);
  await outside("unpause", "dvm-shop");
  await statusIs(/shop running/);
  await outside("remove", "dvm-shop");
  await statusIs(/shop not started/);
  await outside("make_unavailable");
  await statusIs(/no engine/);
  expect(fake.executed).toContainEqual(["setContext", "dvm.engine", "none"]);
  await outside("make_available");
  await statusIs(/shop not started/);
});

it("switches the runtime without a restart, remembers the choice, and goes by the setting when that changes", async () => {
  await opened();
  const pid = serverPid();
  await run("dvm.switchRuntime", { kind: "runtime", platform: { selector: "mock:other" } });
  await statusIs(/shop not started · Mock \(other\)/);
  expect(serverPid()).toBe(pid);
  await run("dvm.restartServer");
  await statusIs(/shop not started · Mock \(other\)/);
  const changed = { affectsConfiguration: (name: string) => name === "dvm.runtime" };
  fake.configuration.fire(changed);
  await statusIs(/shop not started · Mock \(tests\)/);
});

it("keeps the runtime when another one cannot be had, and says why", async () => {
  await opened();
  fake.answers = [[/The engine that workspaces run on/, "$(wand) Automatic"]];
  await run("dvm.switchRuntime", { kind: "runtime", platform: { selector: "docker:no-such-context" } });
  await isShown(/no-such-context/);
  await statusIs(/Mock \(tests\)/);
});

it("starts the server again when it ends, tells once, and asks for everything again", async () => {
  start(running);
  await statusIs(/Mock/);
  const pids = new Set<number>();
  for (let round = 0; round < 3; round++) {
    pids.add(serverPid());
    process.kill(serverPid(), "SIGKILL");
    await statusIs(/restarting/);
    await statusIs(/shop not started · Mock/);
  }
  expect(pids.size).toBe(3);
  expect(fake.shown.filter((text) => text.includes("ended unexpectedly"))).toHaveLength(1);
});

it("gives up at the fifth end, and starts when it is told to", async () => {
  start(running);
  await statusIs(/Mock/);
  for (let round = 0; round < 4; round++) {
    process.kill(serverPid(), "SIGKILL");
    await statusIs(/restarting/);
    await statusIs(/Mock/);
  }
  process.kill(serverPid(), "SIGKILL");
  await statusIs(/DVM: failed/);
  expect(fake.shown.at(-1)).toContain("five times");
  await run("dvm.stopAll");
  expect(fake.shown.at(-1)).toBe("No workspace is running.");
  await run("dvm.showLogs");
  await run("dvm.restartServer");
  await statusIs(/Mock/);
});

it("says so when the server cannot be started, and does not try again by itself", async () => {
  fake.settings["dvm.server.path"] = "/nowhere/dvm-server";
  start(running);
  await statusIs(/DVM: failed/);
  await isShown(/nowhere/);
  await run("dvm.runDoctor");
  await isShown(/server is not running/);
});

it("says which Python is needed when there is none", async () => {
  fake.settings = { "dvm.interpreter": "/nowhere/python" };
  const path = process.env.PATH;
  process.env.PATH = "";
  try {
    start(running);
    await isShown(/DVM needs Python 3.11 or newer/);
  } finally {
    process.env.PATH = path;
  }
  expect(fake.offered.at(-1)).toContain("Get Python");
});

it("starts nothing from a folder that is not trusted, until it is", async () => {
  fake.trusted = false;
  fake.settings["dvm.image"] = "debian:12";
  start(running);
  await statusIs(/Mock/);
  for (const command of [
    "startWorkspace",
    "rebuildImage",
    "attachTerminal",
    "runCommand",
    "stopAll",
    "chooseImage",
  ]) {
    await run(`dvm.${command}`);
    expect(fake.shown.at(-1)).toMatch(/not trusted/);
  }
  await expect(run("dvm.workspace.start")).rejects.toThrow(/not trusted/);
  fake.trusted = true;
  fake.trustGranted.fire();
  await expect.poll(() => channel("DVM").match(/Starting the server/g)?.length).toBe(2);
  await statusIs(/shop not started/);
  await outside("add_image", "debian:12");
  await run("dvm.startWorkspace");
  await statusIs(/running/);
});

it("writes a trace when it is asked for, without the values of variables", async () => {
  fake.settings["dvm.trace.server"] = "verbose";
  fake.settings["dvm.startOptions"] = { env: { TOKEN: "s3cret-value" } };
  await startMock();
  expect(channel("DVM Trace")).toContain("dvm.workspace.start");
  expect([...fake.channels.values()].map((one) => one.text).join("")).not.toContain("s3cret-value");
});

it("ends the server, and what it started, when the window closes", async () => {
  await startMock();
  const pid = serverPid();
  await deactivate();
  const isThere = (): boolean => existsSync(`/proc/${pid}`);
  await expect.poll(isThere, { timeout: 10_000 }).toBe(false);
});
