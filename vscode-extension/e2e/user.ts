// What a user of the workbench does and sees, in the user's words.

import { errors, type Locator } from "playwright-core";
import { expect } from "vitest";
import type { Editor } from "./editor";
import { PATIENCE } from "./places";

export class User {
  constructor(private readonly editor: Editor) {}

  private get page() {
    return this.editor.page;
  }

  // The command palette and its pickers

  get input(): Locator {
    return this.page.locator(".quick-input-widget:visible input.input");
  }

  /** Run a command by its whole title, as in `DVM: Start Workspace`. */
  async run(title: string): Promise<void> {
    await expect
      .poll(() => this.tryToChoose("F1", `>${title}`, title), { timeout: PATIENCE, interval: 500 })
      .toBe(true);
  }

  /** Open a file by its name. */
  async open(name: string): Promise<void> {
    await expect
      .poll(() => this.tryToChoose("Control+P", name, name), { timeout: PATIENCE, interval: 500 })
      .toBe(true);
    await this.page.locator(".tab.active", { hasText: name }).waitFor();
  }

  /**
   * Whether the row was found and chosen. Not at once where the extension is still loaded, or
   * where something that closes at this moment (a notification, a menu) takes the palette with it.
   */
  private async tryToChoose(key: string, text: string, label: string): Promise<boolean> {
    await this.page.keyboard.press("Escape");
    await this.page.keyboard.press(key);
    try {
      await this.input.fill(text, { timeout: 3000 });
      await this.labelled(label).click({ timeout: 3000 });
      return true;
    } catch (error) {
      if (error instanceof errors.TimeoutError) return false;
      throw error;
    }
  }

  /** Choose the row with exactly this label. */
  async choose(label: string): Promise<void> {
    await this.labelled(label).click();
  }

  private labelled(label: string): Locator {
    const name = this.page.locator(".label-name", { hasText: new RegExp(`^\\s*${escaped(label)}\\s*$`) });
    return this.rows.filter({ has: name }).first();
  }

  get rows(): Locator {
    return this.page.locator(".quick-input-widget:visible .quick-input-list .monaco-list-row");
  }

  async type(text: string): Promise<void> {
    await this.input.waitFor();
    await this.input.fill(text);
    await this.page.keyboard.press("Enter");
  }

  // The status bar

  get status(): Locator {
    return this.page.locator('.statusbar-item[id$="dvm.status"]');
  }

  async statusIs(text: RegExp): Promise<void> {
    await expect.poll(() => this.status.innerText(), { timeout: PATIENCE, interval: 50 }).toMatch(text);
  }

  // Notifications and dialogs

  notification(text: string | RegExp): Locator {
    return this.page.locator(".notification-toast", { hasText: text });
  }

  /** Press a button of the notification with this text. */
  async press(text: string | RegExp, button: string): Promise<void> {
    await this.notification(text).locator(".monaco-button", { hasText: button }).click();
  }

  async clearNotifications(): Promise<void> {
    await this.run("Notifications: Clear All Notifications");
    await expect.poll(() => this.page.locator(".notification-toast").count(), { timeout: PATIENCE }).toBe(0);
  }

  get dialog(): Locator {
    return this.page.locator(".monaco-dialog-box");
  }

  async answer(button: string): Promise<void> {
    await this.dialog
      .locator(".dialog-buttons .monaco-button", { hasText: new RegExp(`^${escaped(button)}$`) })
      .click();
    await this.dialog.waitFor({ state: "detached" });
  }

  // The panel

  get terminal(): Locator {
    return this.page.locator(".terminal-wrapper.active");
  }

  async terminalShows(text: RegExp): Promise<void> {
    // Lines of the DOM renderer are padded with spaces that do not break.
    const read = async (): Promise<string> =>
      (await this.terminal.locator(".xterm-rows").innerText()).replace(/\u00a0/g, " ");
    await expect.poll(read, { timeout: PATIENCE, interval: 100 }).toMatch(text);
  }

  async typeInTerminal(text: string): Promise<void> {
    await this.terminal.locator(".xterm-screen").click();
    await this.page.keyboard.type(text);
    await this.page.keyboard.press("Enter");
  }

  async outputShows(text: RegExp): Promise<void> {
    const output = this.page.locator(".pane-body.output-view .view-lines, .output-view .view-lines");
    const read = async (): Promise<string> => (await output.first().innerText()).replace(/\u00a0/g, " ");
    await expect.poll(read, { timeout: PATIENCE, interval: 100 }).toMatch(text);
  }

  // The side bar

  get view(): Locator {
    return this.page.locator(".sidebar .pane", { hasText: "Workspaces" });
  }

  row(text: string | RegExp): Locator {
    return this.page.locator(".sidebar .monaco-list-row", { hasText: text });
  }

  get welcome(): Locator {
    return this.page.locator(".sidebar .welcome-view");
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
