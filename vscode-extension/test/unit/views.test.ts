import { beforeEach, describe, expect, it } from "vitest";
import { actionsFor } from "../../src/commands/actions";
import { type Check, doctorItems, verdict } from "../../src/commands/doctor";
import { addressOf } from "../../src/commands/ports";
import { runtimeItems } from "../../src/commands/runtime";
import { State } from "../../src/model/state";
import { children, contextValue, type Node } from "../../src/views/nodes";
import { statusText, WORDS } from "../../src/views/statusText";
import { fake } from "../stub/fake";
import { anEngine, aPlatform, aWorkspace } from "./making";

let state: State;

beforeEach(() => {
  fake.reset();
  state = new State();
  state.setServer("ready");
  state.setEngine({ reachable: true, info: anEngine(), hint: "" });
  state.setPlatforms([
    aPlatform(),
    aPlatform({ type: "podman", name: "Podman", endpoint: "unix:///p", selector: "podman" }),
  ]);
});

describe("the status bar", () => {
  it.each([
    ["running", "$(vm-running) shop running · Docker Engine", "none"],
    ["paused", "$(debug-pause) shop paused · Docker Engine", "none"],
    ["exited", "$(vm-outline) shop stopped · Docker Engine", "none"],
    ["dead", "$(error) shop dead · Docker Engine", "error"],
  ] as const)("says %s", (status, text, colour) => {
    state.setWorkspaces([aWorkspace({ status })]);
    expect(statusText(state, "shop")).toMatchObject({ text, colour });
  });

  it("says that there is none yet, and how one ended", () => {
    expect(statusText(state, "shop").text).toBe("$(vm-outline) shop not started · Docker Engine");
    state.setWorkspaces([aWorkspace({ status: "exited", exitCode: 137 })]);
    expect(statusText(state, "shop").tooltip).toContain("exit code 137");
    expect(statusText(state, "shop", false).tooltip).toContain("not trusted");
  });

  it("says what is being done, and that it failed", () => {
    state.begin("shop", "starting");
    expect(statusText(state, "shop").text).toBe("$(sync~spin) shop starting · Docker Engine");
    state.finish("shop", "no such image");
    expect(statusText(state, "shop")).toEqual({
      text: "$(error) shop failed · Docker Engine",
      tooltip: "no such image",
      colour: "error",
    });
  });

  it("says that no engine answers, with what would help", () => {
    state.setEngine({ reachable: false, info: undefined, hint: "Start it with `colima start`." });
    expect(statusText(state, "shop")).toEqual({
      text: "$(debug-disconnect) DVM: no engine",
      tooltip: "Start it with `colima start`.",
      colour: "warning",
    });
  });

  it("says how the server is", () => {
    expect(statusText(state, undefined).text).toBe("$(vm) DVM: Docker Engine");
    for (const [server, text] of [
      ["starting", "DVM: connecting"],
      ["restarting", "DVM: restarting"],
      ["failed", "DVM: failed"],
    ] as const) {
      state.setServer(server);
      expect(statusText(state, "shop").text).toContain(text);
    }
  });

  it("has a word for every state", () => {
    expect(Object.keys(WORDS)).toHaveLength(9);
  });
});

describe("the Workspaces view", () => {
  const roots = (): Node[] => children(state, undefined);
  const names = (nodes: Node[]): string[] =>
    nodes.map((node) =>
      node.kind === "runtime"
        ? node.platform.name
        : node.kind === "workspace"
          ? node.workspace.name
          : node.label,
    );

  it("has the runtimes, and workspaces below the one in use", () => {
    state.setWorkspaces([aWorkspace()]);
    const [docker, podman] = roots() as [Node, Node];
    expect(names([docker, podman])).toEqual(["Docker Engine", "Podman"]);
    expect([docker, podman].map(contextValue)).toEqual(["runtime.active", "runtime.other"]);
    expect(names(children(state, docker))).toEqual(["dvm-shop"]);
    expect(children(state, podman)).toEqual([]);
  });

  it("shows the one that the server drives, not the one that a new start would take", () => {
    state.setEngine({
      reachable: true,
      info: anEngine({ runtime: "podman", endpoint: "unix:///p" }),
      hint: "",
    });
    expect(roots().map(contextValue)).toEqual(["runtime.other", "runtime.active"]);
  });

  it("shows the mock where it was asked for, and nowhere else", () => {
    const mock = aPlatform({ type: "mock", name: "Mock", endpoint: "mock://", selector: "mock" });
    state.setPlatforms([aPlatform(), mock]);
    expect(names(roots())).toEqual(["Docker Engine"]);
    state.setEngine({ reachable: true, info: anEngine({ runtime: "mock", endpoint: "mock://" }), hint: "" });
    expect(names(roots())).toEqual(["Docker Engine", "Mock"]);
    state.setPlatforms([aPlatform({ reachable: false }), mock]);
    state.setEngine({ reachable: false, info: undefined, hint: "" });
    expect(roots()).toEqual([]);
  });

  it("shows one that is on no list", () => {
    state.setEngine({
      reachable: true,
      info: anEngine({ platformName: "Far", endpoint: "tcp://far:2376" }),
      hint: "",
    });
    expect(names(roots())).toEqual(["Far", "Docker Engine", "Podman"]);
  });

  it("has state, image and ports of a workspace", () => {
    const workspace = aWorkspace({
      status: "exited",
      exitCode: 1,
      ports: { "8080/tcp": { host: "127.0.0.1", port: 49153 } },
    });
    const rows = children(state, { kind: "workspace", workspace });
    expect(rows.map((row) => row.kind === "detail" && [row.label, row.value])).toEqual([
      ["State", "stopped, exit code 1"],
      ["Image", "debian:12"],
      ["Port 8080/tcp", "127.0.0.1:49153"],
    ]);
    expect(rows.map(contextValue)).toEqual(["detail", "detail", "detail.port"]);
    expect(children(state, rows[0])).toEqual([]);
  });

  it.each([
    ["running", "workspace.running"],
    ["restarting", "workspace.running"],
    ["paused", "workspace.paused"],
    ["exited", "workspace.stopped"],
    ["created", "workspace.stopped"],
  ] as const)("offers what fits one that is %s", (status, expected) => {
    expect(contextValue({ kind: "workspace", workspace: aWorkspace({ status }) })).toBe(expected);
  });

  it("is empty while there is no engine, so that the welcome view shows", () => {
    state.setPlatforms([aPlatform({ reachable: false })]);
    state.setEngine({ reachable: false, info: undefined, hint: "" });
    expect(roots()).toEqual([]);
    state.setPlatforms([aPlatform({ reachable: true })]);
    expect(roots()).toHaveLength(1);
  });
});

describe("a click on the status bar", () => {
  const ids = (name: string | undefined): string[] => actionsFor(state, name).map((one) => one.command);

  it("offers to work in a running workspace", () => {
    state.setWorkspaces([aWorkspace()]);
    expect(ids("shop")[0]).toBe("dvm.attachTerminal");
    expect(ids("shop")).not.toContain("dvm.openPort");
    state.setWorkspaces([aWorkspace({ ports: { "80/tcp": { host: "127.0.0.1", port: 1 } } })]);
    expect(ids("shop")).toContain("dvm.openPort");
  });

  it("offers to start one that is stopped, paused or not there", () => {
    expect(ids("shop")[0]).toBe("dvm.startWorkspace");
    for (const status of ["exited", "paused"] as const) {
      state.setWorkspaces([aWorkspace({ status })]);
      expect(ids("shop")[0]).toBe("dvm.startWorkspace");
      expect(ids("shop").includes("dvm.stopWorkspace")).toBe(status === "paused");
    }
    expect(ids(undefined)).not.toContain("dvm.startWorkspace");
  });

  it("offers to start the engine, or the server", () => {
    state.setEngine({ reachable: false, info: undefined, hint: "Start it with `colima start`." });
    expect(actionsFor(state, "shop")[0]).toMatchObject({
      command: "dvm.startEngine",
      description: "colima start",
    });
    state.setServer("failed");
    expect(ids("shop")).toEqual(["dvm.restartServer", "dvm.showOutput"]);
  });
});

it("offers every runtime, those that do not answer last and with their hint", () => {
  const stopped = aPlatform({
    name: "Colima",
    reachable: false,
    active: false,
    problem: "is stopped",
    hint: "Start it.",
  });
  expect(
    runtimeItems([stopped, aPlatform()]).map(({ label, description, detail }) => [
      label,
      description,
      detail,
    ]),
  ).toEqual([
    ["$(wand) Automatic", "the first that answers", undefined],
    ["$(check) Docker Engine", "28.5.2", "unix:///var/run/docker.sock"],
    ["not running", undefined, undefined],
    ["$(debug-disconnect) Colima", "is stopped", "Start it."],
  ]);
});

it("lists what the doctor found wrong first", () => {
  const check = (state: Check["state"], hint = ""): Check => ({ topic: state, state, text: "found", hint });
  const checks = [check("ok"), check("note"), check("problem", "Run `x`."), check("warning")];
  expect(doctorItems(checks).map((item) => item.label)).toEqual([
    "$(error) problem",
    "$(warning) warning",
    "$(pass) ok",
    "$(circle-slash) note",
  ]);
  expect(doctorItems(checks)[0]?.detail).toBe("Run `x`.");
  expect(verdict(checks)).toMatch(/^One thing is in the way/);
  expect(verdict([...checks, check("problem")])).toMatch(/^2 things are/);
  expect(verdict([check("ok")])).toBe("Nothing is in the way");
});

it.each([
  ["8080/tcp", "127.0.0.1", "http://127.0.0.1:5000/"],
  ["443/tcp", "127.0.0.1", "https://127.0.0.1:5000/"],
  ["80/tcp", "::1", "http://[::1]:5000/"],
])("opens %s at %s as %s", (key, host, address) =>
  expect(addressOf(key, { host, port: 5000 })).toBe(address),
);
