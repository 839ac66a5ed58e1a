// Several folders in one window, and a folder that is not trusted.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Editor, scratch } from "./editor";
import { clear, containers } from "./engine";
import { docker } from "./places";
import { descendants } from "./processes";
import { User } from "./user";

const { socket, image } = docker();
const root = scratch();
const env = { DOCKER_HOST: `unix://${socket}` };
const settings = { "dvm.runtime": "docker", "dvm.image": image };
let editor: Editor | undefined;

beforeAll(async () => {
  await clear(socket);
  for (const name of ["web", "db"]) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, `${name}.txt`), `${name}\n`);
  }
  writeFileSync(
    join(root, "both.code-workspace"),
    JSON.stringify({ folders: [{ path: "web" }, { path: "db" }] }),
  );
});

afterAll(async () => {
  await editor?.close();
  await clear(socket);
});

it("each folder has its own active workspace, from one server", async () => {
  editor = await Editor.open({ open: join(root, "both.code-workspace"), env, settings });
  editor.watch("folders");
  const user = new User(editor);
  await user.statusIs(/web not started/);
  await user.run("DVM: Start Workspace");
  // No file is open: only the user can say which of the two is meant.
  await user.rows.filter({ hasText: "db" }).click();
  await user.notification("Workspace db is running").waitFor();
  await user.open("web.txt");
  await user.statusIs(/web not started/);
  await user.run("DVM: Start Workspace");
  await user.statusIs(/web running/);
  await user.open("db.txt");
  await user.statusIs(/db running/);
  await user.run("View: Show DVM");
  await user.row(/^web/).waitFor();
  await editor.picture("folders");
  expect(descendants(editor.pid, "dvm_server")).toHaveLength(1);
  expect((await containers(socket)).map((one) => one.Names[0]).sort()).toEqual([
    expect.stringMatching(/^\/dvm-db-/),
    expect.stringMatching(/^\/dvm-web-/),
  ]);
});

it("starts nothing from a folder that is not trusted", async () => {
  await editor?.close();
  await clear(socket);
  editor = await Editor.open({ open: join(root, "web"), env, settings, asksForTrust: true });
  editor.watch("untrusted");
  const user = new User(editor);
  await user.dialog.getByText("trust the authors").first().waitFor();
  await user.dialog.locator(".monaco-button", { hasText: "No, I don't trust" }).click();
  await user.statusIs(/web not started · Docker/);
  await user.run("DVM: Start Workspace");
  await user.notification(/not trusted/).waitFor();
  await editor.picture("untrusted");
  expect(await containers(socket)).toEqual([]);
});
