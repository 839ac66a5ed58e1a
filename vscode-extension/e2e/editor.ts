// A real VS Code workbench in a real browser, with the packaged extension.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, onTestFailed } from "vitest";
import { images, PATIENCE, pictures, python, vsix, workbench } from "./places";

const SETTINGS = {
  "workbench.startupEditor": "none",
  "workbench.enableExperiments": false,
  "workbench.colorTheme": "Default Dark Modern",
  "telemetry.telemetryLevel": "off",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "git.enabled": false,
  // The DOM renderer: its text can be read, a canvas' cannot.
  "terminal.integrated.gpuAcceleration": "off",
  "terminal.integrated.shellIntegration.enabled": false,
};

/** The pictures of the README, which are taken anew when `DVM_E2E_README` is set. */
const README = ["terminal", "building", "no-engine"];

export interface Options {
  /** What is opened: a folder, or a .code-workspace file. */
  open: string;
  /** Variables besides those of this process. */
  env?: Record<string, string>;
  settings?: Record<string, unknown>;
  /** A home folder that is there already; default a new one. */
  home?: string;
  /** Whether the editor asks if the folder is trusted. */
  asksForTrust?: boolean;
}

/** A folder for the files of one session, removed after it; to be called outside of tests and hooks. */
export function scratch(): string {
  const folder = newFolder();
  afterAll(() => remove(folder));
  return folder;
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "dvm-e2e-"));
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
}

export class Editor {
  private constructor(
    readonly page: Page,
    private readonly browser: BrowserContext,
    private readonly server: ChildProcess,
    private readonly root: string,
  ) {}

  static async open(options: Options): Promise<Editor> {
    const root = newFolder();
    const folder = (name: string): string => {
      const path = join(root, name);
      mkdirSync(path, { recursive: true });
      return path;
    };
    const user = folder("user/User");
    writeFileSync(
      join(user, "settings.json"),
      JSON.stringify({ ...SETTINGS, "dvm.interpreter": python(), ...options.settings }),
    );
    writeFileSync(join(root, "config.yaml"), "auth: none\n");
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      HOME: options.home ?? folder("home"),
      XDG_CONFIG_HOME: folder("config"),
      XDG_DATA_HOME: folder("data"),
      XDG_CACHE_HOME: folder("cache"),
      XDG_STATE_HOME: folder("state"),
      // The editor leaves its sockets there.
      TMPDIR: folder("tmp"),
      ...options.env,
    };
    const program = join(workbench(), "out/node/entry.js");
    const common = ["--config", join(root, "config.yaml"), "--user-data-dir", join(root, "user")];
    common.push("--extensions-dir", folder("extensions"));
    execFileSync(process.execPath, [program, ...common, "--install-extension", vsix()], {
      env,
      stdio: "pipe",
    });
    const port = await freePort();
    const log = openSync(join(root, "server.log"), "w");
    const flags = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"];
    if (!options.asksForTrust) flags.push("--disable-workspace-trust");
    const server = spawn(
      process.execPath,
      [program, ...common, "--bind-addr", `127.0.0.1:${port}`, "--auth", "none", ...flags],
      { env, detached: true, stdio: ["ignore", log, log] },
    );
    try {
      await answers(`http://127.0.0.1:${port}/healthz`, server, join(root, "server.log"));
      const browser = await chromium.launchPersistentContext(folder("browser"), {
        executablePath: process.env.DVM_E2E_CHROMIUM ?? "/usr/bin/chromium",
        headless: true,
        viewport: { width: 1280, height: 800 },
        args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
        env: { ...process.env, HOME: folder("home") } as Record<string, string>,
      });
      const page = browser.pages()[0] ?? (await browser.newPage());
      page.setDefaultTimeout(PATIENCE);
      const kind = options.open.endsWith(".code-workspace") ? "workspace" : "folder";
      await page.goto(`http://127.0.0.1:${port}/?${kind}=${encodeURIComponent(options.open)}`);
      await page.waitForSelector(".monaco-workbench .statusbar");
      return new Editor(page, browser, server, root);
    } catch (error) {
      end(server);
      throw error;
    }
  }

  /** The process of the editor's server, above the extension host and what that starts. */
  get pid(): number {
    return this.server.pid as number;
  }

  async close(): Promise<void> {
    await this.browser.close();
    const ended = new Promise((resolve) => this.server.once("exit", resolve));
    end(this.server);
    await ended;
    remove(this.root);
  }

  /** Keep a picture of the window; also one of how it was when the test failed. */
  async picture(name: string): Promise<void> {
    const path = join(pictures(), `${name}.png`);
    await this.page.screenshot({ path });
    if (process.env.DVM_E2E_README && README.includes(name))
      copyFileSync(path, join(images(), `${name}.png`));
  }

  /** To be called first in every test. */
  watch(name: string): void {
    onTestFailed(() => this.picture(`failed-${name}`));
  }
}

function end(server: ChildProcess): void {
  try {
    process.kill(-(server.pid as number), "SIGTERM");
  } catch {
    // It has ended by itself.
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const listening = createServer().listen(0, "127.0.0.1", () => {
      const address = listening.address();
      listening.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Wait until the editor's server answers; its log tells why when it ends instead. */
async function answers(address: string, server: ChildProcess, log: string): Promise<void> {
  for (const limit = Date.now() + 60_000; Date.now() < limit; ) {
    if (server.exitCode !== null) throw new Error(`code-server ended: ${readFileSync(log, "utf8")}`);
    const found = await fetch(address).then(
      (answer) => answer.ok,
      () => false,
    );
    if (found) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`code-server does not answer: ${readFileSync(log, "utf8")}`);
}
