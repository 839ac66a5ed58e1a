import { beforeEach, describe, expect, it } from "vitest";
import { ResponseError } from "vscode-languageclient/node";
import { asFailure, Failure, isCancelled } from "../../src/protocol/failure";
import { remedies } from "../../src/ui/remedies";
import { fake } from "../stub/fake";

beforeEach(() => fake.reset());

describe("what a request was rejected with", () => {
  it("has DVM's own words in its data", () => {
    const data = {
      kind: "build_failed",
      message: "the build failed",
      hint: "Mend it.",
      logs: "line 1",
      platform: "x",
    };
    const failure = asFailure(new ResponseError(-32803, "the build failed. Mend it.", data));
    expect(failure).toMatchObject({
      message: "the build failed",
      kind: "build_failed",
      hint: "Mend it.",
      logs: "line 1",
    });
  });

  it("may have none", () => {
    expect(asFailure(new ResponseError(-32603, "boom"))).toMatchObject({
      message: "boom",
      kind: "error",
      hint: "",
    });
    expect(asFailure(new ResponseError(-32603, "boom", { kind: 5 }))).toMatchObject({ kind: "error" });
    expect(asFailure("text")).toMatchObject({ message: "text", kind: "error" });
    const own = new Failure("m", "k");
    expect(asFailure(own)).toBe(own);
  });

  it("may be the user's own wish", () => {
    expect(isCancelled(asFailure(new ResponseError(-32800, "cancelled")))).toBe(true);
    expect(isCancelled(new Failure("m", "timeout"))).toBe(false);
  });
});

describe("the buttons under an error", () => {
  const titles = (kind: string, hint = ""): string[] =>
    remedies(new Failure("m", kind, hint)).map((one) => one.title);

  it.each([
    ["runtime_unavailable", ["Switch Runtime", "Doctor", "Show Output"]],
    ["workspace_not_running", ["Start Workspace", "Show Output"]],
    ["image_not_found", ["Choose Image", "Show Output"]],
    ["build_failed", ["Show Build Output", "Show Output"]],
    ["invalid_option", ["Open Settings", "Show Output"]],
    ["no_python", ["Open Settings", "Get Python", "Show Output"]],
    ["server_down", ["Restart Server", "Show Output"]],
    ["something_new", ["Show Output"]],
  ])("%s: %s", (kind, expected) => expect(titles(kind)).toEqual(expected));

  it("run what the hint says", () => {
    const [first] = remedies(new Failure("m", "runtime_unavailable", "Start it with `colima start`."));
    expect(first).toEqual({
      title: "Run colima start",
      command: "dvm.runInTerminal",
      arguments: ["colima start"],
    });
  });

  it("do in the editor what the hint would do in a terminal, and not twice", () => {
    expect(titles("workspace_not_found", "`dvm up` starts one.")).toEqual(["Start Workspace", "Show Output"]);
    expect(titles("error", "Ask `dvm doctor`.")).toEqual(["Doctor", "Show Output"]);
  });

  it("run nothing that a person has to complete first", () => {
    expect(titles("error", "Try `docker login <REGISTRY>`.")).toEqual(["Show Output"]);
    expect(titles("error", "Try `dvm gc`.")).toEqual(["Show Output"]);
  });
});
