// A machine whose engine does not run: what the user sees, and one click that mends it.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, it } from "vitest";
import { Editor, scratch } from "./editor";
import { docker } from "./places";
import { User } from "./user";

const root = scratch();
const folder = join(root, "shop");
const home = join(root, "home");
const colima = join(home, ".colima/default");
let editor: Editor;
let user: User;

beforeAll(async () => {
  mkdirSync(folder);
  mkdirSync(colima, { recursive: true });
  mkdirSync(join(root, "bin"));
  writeFileSync(join(colima, "colima.yaml"), "runtime: docker\n");
  // A stand-in for Colima on a machine that cannot run it: "start" makes its socket lead to a real engine.
  const program = join(root, "bin/colima");
  writeFileSync(
    program,
    `#!/bin/sh\n[ "$1" = start ] && ln -s ${docker().socket} ${colima}/docker.sock && echo started\n`,
  );
  chmodSync(program, 0o755);
  // The editor's terminals take PATH from the shell's own files, as on a user's machine.
  writeFileSync(join(home, ".bashrc"), `PATH=${join(root, "bin")}:$PATH\n`);
  editor = await Editor.open({
    open: folder,
    home,
    env: {
      PATH: `${join(root, "bin")}:${process.env.PATH}`,
      COLIMA_HOME: join(home, ".colima"),
      SHELL: "/bin/bash",
    },
    settings: { "dvm.image": docker().image },
  });
  user = new User(editor);
});

afterAll(() => editor?.close());

beforeEach(({ task }) => editor.watch(`colima-${task.name.replace(/\W+/g, "-").slice(0, 40)}`));

it("says that no engine runs, with the fix for this platform as a button", async () => {
  await user.statusIs(/DVM: no engine/);
  await user.run("View: Show DVM");
  await user.welcome.getByText("Colima is installed, but it is not running.").waitFor();
  await editor.picture("no-engine");
});

it("tells what can be done when a workspace is to be started all the same", async () => {
  await user.run("DVM: Start Workspace");
  await user.notification(/colima start/).waitFor();
  await editor.picture("no-engine-start");
  await user.clearNotifications();
});

it("comes alive when the engine is started by the button", async () => {
  await user.welcome.getByText("Start Colima").click();
  await user.statusIs(/shop not started · Colima/);
  await user
    .row(/Colima/)
    .first()
    .waitFor();
  await editor.picture("engine-started");
});
