// One user's session on a real Docker Engine: every command, and what others do meanwhile.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Editor, scratch } from "./editor";
import { clear, containers, kill } from "./engine";
import { docker, PATIENCE } from "./places";
import { descendants } from "./processes";
import { User } from "./user";

/** The container of the folder `shop`. */
const SHOP = /^\/dvm-shop-[0-9a-f]{8}$/;

const { socket, image } = docker();
const folder = join(scratch(), "shop");
let editor: Editor;
let user: User;

/** Main process of the workspace: a web server on the folder, which says when it is there. */
const SERVE = "httpd -p 8080 -h /workspace && echo serving && exec sleep 100000";

beforeAll(async () => {
  await clear(socket);
  mkdirSync(join(folder, ".vscode"), { recursive: true });
  writeFileSync(join(folder, "index.html"), "<title>shop</title><h1>Hello from the shop</h1>");
  writeFileSync(
    join(folder, "Dockerfile"),
    `FROM ${image}\nRUN echo 'step one'\nRUN echo 'step two'; sleep 2\n`,
  );
  const startOptions = { ports: [{ container: 8080 }], command: ["sh", "-c", SERVE] };
  writeFileSync(
    join(folder, ".vscode/settings.json"),
    JSON.stringify({ "dvm.runtime": "docker", "dvm.startOptions": startOptions }),
  );
  editor = await Editor.open({ open: folder, env: { DOCKER_HOST: `unix://${socket}` } });
  user = new User(editor);
});

afterAll(async () => {
  await editor?.close();
  await clear(socket);
});

beforeEach(({ task }) => editor.watch(`docker-${task.name.replace(/\W+/g, "-").slice(0, 40)}`));

it("says that there is no workspace yet", async () => {
  await user.statusIs(/shop not started · Docker/);
  await user.run("View: Show DVM");
  await user
    .row(/Docker/)
    .first()
    .waitFor();
  await editor.picture("not-started");
});

it("DVM: Start Workspace builds the image with its steps shown, and starts it", async () => {
  await user.run("DVM: Start Workspace");
  await user
    .notification(/Starting shop.*step two|Starting shop/)
    .first()
    .waitFor();
  await user.statusIs(/shop building|shop starting/);
  await editor.picture("starting");
  await user.statusIs(/shop running/);
  await user.notification("Workspace shop is running").waitFor();
  const [container] = await containers(socket);
  expect(container).toMatchObject({ State: "running", Names: [expect.stringMatching(SHOP)] });
});

it("shows runtime, workspace, state, image and port in the view", async () => {
  await user.row(/^shop/).locator(".monaco-tl-twistie").click();
  await user.row("State").waitFor();
  await user.row(/Image.*dvm-shop-/).waitFor();
  await user.row(/Port 8080\/tcp.*127\.0\.0\.1:\d+/).waitFor();
  await editor.picture("running");
});

it("DVM: Attach Terminal opens a shell that follows the window's size and tells its exit code", async () => {
  await user.press("Workspace shop is running", "Attach Terminal");
  await user.terminal.waitFor();
  await user.typeInTerminal("echo in-$((6*7)); pwd; hostname; stty size | tr ' ' x");
  await user.terminalShows(/in-42\s+\/workspace\s+\S+\s+\d+x\d+/);
  await user.typeInTerminal(
    'clear; old=$(stty size); echo waiting; until [ "$(stty size)" != "$old" ]; do sleep 0.1; done; echo changed-$((1+1))',
  );
  await user.terminalShows(/^waiting/m);
  await editor.page.setViewportSize({ width: 1100, height: 760 });
  await user.terminalShows(/changed-2/);
  await editor.page.setViewportSize({ width: 1280, height: 800 });
  await user.typeInTerminal("clear; ls /workspace");
  await user.terminalShows(/index\.html/);
  await editor.picture("terminal");
  await user.typeInTerminal("exit 3");
  await user.notification(/exit code: 3/).waitFor();
  await user.clearNotifications();
});

it("the terminal profile DVM workspace opens one too", async () => {
  await user.run("Create New Terminal (With Profile)");
  await user.choose("DVM workspace");
  // The editor does not open a closed panel for it.
  await user.run("Terminal: Focus Terminal");
  await user.typeInTerminal("echo profile-$((1+1))");
  await user.terminalShows(/profile-2/);
  await user.run("Terminal: Kill the Active Terminal Instance");
});

it("DVM: Run Command in Workspace runs it in a terminal", async () => {
  await user.run("DVM: Run Command in Workspace");
  await user.type("echo ran-$((20+3)) in $PWD; read answer; echo got-$answer; exit 4");
  await user.terminalShows(/ran-23 in \/workspace/);
  await user.typeInTerminal("yes");
  await user.notification(/exit code: 4/).waitFor();
  await user.clearNotifications();
});

it("DVM: Show Logs shows what it wrote, and goes on", async () => {
  await user.run("DVM: Show Logs");
  await user.outputShows(/serving/);
  await editor.picture("logs");
});

it("DVM: Open Published Port opens the browser", async () => {
  const opened = editor.page.context().waitForEvent("page");
  await user.run("DVM: Open Published Port");
  const page = await opened;
  await page.getByText("Hello from the shop").waitFor();
  await page.close();
});

it("shows at once that it was killed from outside, and starts it again", async () => {
  await kill(socket, (await containers(socket))[0]?.Id ?? "");
  await user.statusIs(/shop stopped/);
  await user.row(/^shop.*stopped/).waitFor();
  await editor.picture("killed");
  await user.run("DVM: Start Workspace");
  await user.statusIs(/shop running/);
  await user.clearNotifications();
});

it("a click on the status bar offers what fits", async () => {
  await user.status.click();
  await user.rows.filter({ hasText: "Attach Terminal" }).waitFor();
  await editor.picture("actions");
  await user.choose("Restart");
  await user.statusIs(/shop starting/);
  await user.statusIs(/shop running/);
});

it("DVM: Restart and DVM: Stop", async () => {
  const before = (await containers(socket))[0]?.Id;
  await user.run("DVM: Restart");
  await user.statusIs(/shop starting/);
  await user.statusIs(/shop running/);
  await user.run("DVM: Stop");
  await user.statusIs(/shop stopped/);
  expect((await containers(socket)).map((one) => [one.Id, one.State])).toEqual([[before, "exited"]]);
});

it("starts from its row in the view", async () => {
  const row = user.row(/^shop/);
  await row.hover();
  await row.locator('.action-label[aria-label="Start Workspace"]').click();
  await user.statusIs(/shop running/);
});

it("DVM: Rebuild Image offers to recreate the workspace", async () => {
  writeFileSync(join(folder, "Dockerfile"), `FROM ${image}\nRUN echo 'another image'\n`);
  const before = (await containers(socket))[0]?.Id;
  await user.run("DVM: Rebuild Image");
  await user.press(/Image dvm-shop-\w+(:latest)? is built/, "Recreate Workspace");
  await expect.poll(async () => (await containers(socket))[0]?.Id, { timeout: PATIENCE }).not.toBe(before);
  await user.statusIs(/shop running/);
  await user.clearNotifications();
});

it("a build is cancelled by its notification, and the engine stops working on it", async () => {
  writeFileSync(join(folder, "Dockerfile"), `FROM ${image}\nRUN echo 'a long step'; sleep 3000\n`);
  await user.run("DVM: Rebuild Image");
  await user.notification(/a long step/).waitFor();
  await user.statusIs(/shop building/);
  await editor.picture("building");
  await user.press(/Building shop/, "Cancel");
  await user.statusIs(/shop running/);
  await user.notification(/Building shop/).waitFor({ state: "detached" });
  const names = async (): Promise<unknown> => (await containers(socket)).map((one) => one.Names[0]);
  await expect.poll(names, { timeout: PATIENCE }).toEqual([expect.stringMatching(SHOP)]);
});

it("a server that is killed comes back, and the user is told once", async () => {
  for (let round = 0; round < 2; round++) {
    const [server] = descendants(editor.pid, "dvm_server");
    process.kill(server as number, "SIGKILL");
    await user.statusIs(/DVM: restarting/);
    if (round === 0) await editor.picture("server-killed");
    await user.statusIs(/shop running · Docker/);
    expect(descendants(editor.pid, "dvm_server")).toHaveLength(1);
  }
  expect(await user.notification(/ended unexpectedly/).count()).toBe(1);
  await user.clearNotifications();
});

it("DVM: Restart Server and DVM: Show Output", async () => {
  const [before] = descendants(editor.pid, "dvm_server");
  await user.run("DVM: Restart Server");
  await expect
    .poll(() => descendants(editor.pid, "dvm_server")[0] ?? before, { timeout: PATIENCE })
    .not.toBe(before);
  await user.statusIs(/shop running · Docker/);
  await user.run("DVM: Show Output");
  await user.outputShows(/Starting the server \(bundled, Python 3\.\d+/);
  await editor.picture("output");
});

it("DVM: Switch Runtime switches without a reload, and back", async () => {
  await user.run("DVM: Switch Runtime");
  await user.rows.filter({ hasText: "Mock" }).waitFor();
  await editor.picture("switch-runtime");
  await user.rows.filter({ hasText: "Mock" }).click();
  await user.statusIs(/shop not started · Mock/);
  await user.run("DVM: Switch Runtime");
  await user.rows.filter({ hasText: "Docker" }).first().click();
  await user.statusIs(/shop running · Docker/);
});

it("DVM: Doctor lists what it found", async () => {
  await user.run("DVM: Doctor");
  await user.rows.filter({ hasText: /dvm/ }).first().waitFor();
  await editor.picture("doctor");
  await editor.page.keyboard.press("Escape");
});

it("an error has a button that does what can be done", async () => {
  writeFileSync(join(folder, "Dockerfile"), `FROM ${image}\nRUN echo 'about to fail' && exit 7\n`);
  await user.run("DVM: Rebuild Image");
  await user.notification(/Show Build Output/).waitFor();
  await user.statusIs(/shop failed/);
  await editor.picture("failed");
  await user.press(/Show Build Output/, "Show Build Output");
  await user.outputShows(/about to fail/);
  await user.clearNotifications();
});

it("DVM: Stop All asks, then stops all", async () => {
  await user.run("DVM: Stop All");
  await user.dialog.waitFor();
  await editor.picture("stop-all");
  await user.answer("Stop All");
  await user.statusIs(/shop stopped/);
});

it("DVM: Remove asks, then removes", async () => {
  await user.run("DVM: Remove");
  await user.answer("Remove");
  await user.statusIs(/shop not started/);
  expect(await containers(socket)).toEqual([]);
});

it("has a walkthrough", async () => {
  await user.run("Welcome: Open Walkthrough...");
  await user.rows.filter({ hasText: "Get Started with DVM" }).click();
  await editor.page.getByText("Install a container engine").waitFor();
  await editor.picture("walkthrough");
});
