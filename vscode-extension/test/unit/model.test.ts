import { beforeEach, describe, expect, it } from "vitest";
import { type Memento, Uri, type WorkspaceFolder } from "vscode";
import { engineFix } from "../../src/model/engineFix";
import { Folders } from "../../src/model/folders";
import { addressIn, commandIn } from "../../src/model/hints";
import { State } from "../../src/model/state";
import { fake } from "../stub/fake";
import { anEngine, aPlatform, aWorkspace } from "./making";

beforeEach(() => fake.reset());

describe("hints", () => {
  it("have a command between backticks", () => {
    expect(commandIn("Start it with `colima start work`.")).toBe("colima start work");
    expect(commandIn("Start Docker Desktop.")).toBeUndefined();
    expect(commandIn("`--runtime mock` uses it.")).toBeUndefined();
  });
  it("have an address", () => {
    expect(addressIn("Get it from https://docs.docker.com/engine/install/.")).toBe(
      "https://docs.docker.com/engine/install/",
    );
    expect(addressIn("Nothing.")).toBeUndefined();
  });
});

describe("the state", () => {
  let state: State;
  let changes = 0;

  beforeEach(() => {
    state = new State();
    changes = 0;
    state.onDidChange(() => changes++);
    state.setServer("ready");
    state.setEngine({ reachable: true, info: anEngine(), hint: "" });
  });

  it("lists workspaces by name, and tells of each change once", () => {
    changes = 0;
    state.setWorkspaces([aWorkspace({ workspace: "b" }), aWorkspace({ workspace: "a" })]);
    expect(state.workspaces.map((one) => one.workspace)).toEqual(["a", "b"]);
    state.setWorkspace(aWorkspace({ workspace: "b", status: "exited" }));
    expect(state.byName("b")?.status).toBe("exited");
    expect(state.byName("dvm-b")?.workspace).toBe("b");
    expect(changes).toBe(2);
  });

  it("forgets a workspace that is removed", () => {
    state.setWorkspaces([aWorkspace()]);
    state.setWorkspace(aWorkspace({ status: "not_found" }));
    expect(state.workspaces).toEqual([]);
  });

  it("knows a recreated workspace once, whichever of the two events comes first", () => {
    const before = aWorkspace({ id: "old" });
    const after = aWorkspace({ id: "new" });
    const gone = aWorkspace({ id: "old", status: "not_found" });
    for (const events of [
      [gone, after],
      [after, gone],
    ]) {
      state.setWorkspaces([before]);
      for (const event of events) state.setWorkspace(event);
      expect(state.workspaces).toEqual([after]);
    }
  });

  it("remembers why something failed until something else happens to it", () => {
    state.begin("shop", "starting");
    expect(state.activity("shop")).toBe("starting");
    state.finish("shop", "no such image");
    expect([state.activity("shop"), state.failure("shop")]).toEqual([undefined, "no such image"]);
    state.setWorkspace(aWorkspace());
    expect(state.failure("shop")).toBeUndefined();
  });

  it("does not hold against a workspace what failed for want of an engine", () => {
    state.setEngine({ reachable: false, info: undefined, hint: "start it" });
    state.finish("shop", "no engine answers");
    state.setEngine({ reachable: true, info: anEngine(), hint: "" });
    expect(state.failure("shop")).toBeUndefined();
    state.finish("shop", "no such image");
    state.setEngine({ reachable: true, info: anEngine(), hint: "" });
    expect(state.failure("shop")).toBe("no such image");
  });

  it("knows no workspace and no engine while the server is away", () => {
    state.setWorkspaces([aWorkspace()]);
    state.setEngine({ reachable: false, info: undefined, hint: "start it" });
    expect(state.workspaces).toEqual([]);
    state.setServer("restarting");
    expect(state.engine.known).toBe(false);
  });
});

describe("what would make an engine answer", () => {
  const stopped = { reachable: false, active: false };
  const withHint = (hint: string, platforms = [] as ReturnType<typeof aPlatform>[]): State => {
    const state = new State();
    state.setEngine({ reachable: false, info: undefined, hint });
    state.setPlatforms(platforms);
    return state;
  };

  it("is what the server says", () => {
    const hint = "Start it with `sudo service docker start`.";
    expect(engineFix(withHint(hint, [aPlatform({ ...stopped, hint })]))).toEqual({
      platform: "docker",
      hint,
      command: "sudo service docker start",
      address: undefined,
    });
  });

  it("is the hint of a platform that was found, where the server's has no command", () => {
    const colima = aPlatform({ ...stopped, type: "colima", hint: "Start it with `colima start`." });
    expect(engineFix(withHint("No engine answers.", [colima]))).toMatchObject({
      platform: "colima",
      command: "colima start",
    });
  });

  it("is a page where nothing was found", () => {
    expect(engineFix(withHint("See https://podman.io/."))).toEqual({
      platform: "",
      hint: "See https://podman.io/.",
      command: undefined,
      address: "https://podman.io/",
    });
  });
});

describe("folders", () => {
  let state: State;
  let folders: Folders;
  const memory = new Map<string, unknown>();
  const memento = {
    get: (key: string, otherwise: unknown) => memory.get(key) ?? otherwise,
    update: async (key: string, value: unknown) => void memory.set(key, value),
  } as unknown as Memento;

  const folderAt = (path: string): WorkspaceFolder => ({ uri: Uri.file(path), name: "pretty", index: 0 });
  const SHOP = { folder: "/real/Shop", workspaceName: "shop", imageName: "dvm-shop-1" };

  beforeEach(() => {
    memory.clear();
    state = new State();
    folders = new Folders(state, memento);
    state.setIdentity("/link", SHOP);
  });

  it("have the workspace of the folder that the server says they are", () => {
    const own = aWorkspace({ id: "1", name: "dvm-shop-1", workspace: "shop", folder: "/real/Shop" });
    state.setWorkspaces([own]);
    expect(folders.active(folderAt("/link"))).toEqual(own);
    expect(folders.name(folderAt("/link"))).toBe("shop");
    const other = aWorkspace({ id: "2", name: "dvm-shop-2", workspace: "shop", folder: "/elsewhere/shop" });
    state.setWorkspaces([own, other]);
    expect(folders.active(folderAt("/link"))).toEqual(own);
    expect(folders.name(folderAt("/link"))).toBe("dvm-shop-1");
  });

  it("have no workspace that only has their name", () => {
    state.setWorkspaces([aWorkspace({ workspace: "shop" })]);
    expect(folders.active(folderAt("/link"))).toBeUndefined();
    expect(folders.name(folderAt("/link"))).toBe("dvm-shop-1");
  });

  it("are called by their own name until the server was asked", () => {
    expect(folders.active(folderAt("/srv/other"))).toBeUndefined();
    expect(folders.name(folderAt("/srv/other"))).toBe("pretty");
  });

  it("have the one that was chosen or set", async () => {
    const folder = folderAt("/srv/shop");
    fake.settings["dvm.workspaceName"] = "set";
    expect(folders.name(folder)).toBe("set");
    await folders.choose(folder, "chosen");
    state.setWorkspaces([aWorkspace({ workspace: "chosen" })]);
    expect(folders.name(folder)).toBe("chosen");
    expect(folders.active(folder)?.workspace).toBe("chosen");
  });

  it("are told by the editor that has the focus", () => {
    expect(folders.current()).toBeUndefined();
    const [first, second] = [folderAt("/srv/a"), folderAt("/srv/b")];
    fake.folders = [first, second] as unknown as typeof fake.folders;
    expect(folders.current()).toBe(first);
    expect(folders.isAmbiguous()).toBe(true);
    fake.activeEditor = { document: { uri: Uri.file("/srv/b/main.py") } };
    expect(folders.current()).toBe(second);
    expect(folders.isAmbiguous()).toBe(false);
  });
});
