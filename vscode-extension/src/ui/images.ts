import { type QuickPickItem, type WorkspaceFolder, window } from "vscode";
import type { App } from "../app";

const REMEMBERED = "images";
const SUGGESTIONS = ["debian:12", "ubuntu:24.04", "python:3.13", "node:22", "golang:1", "rust:1"];

/** The image that the user chose for a folder before; undefined when it was never asked. */
export function rememberedImage(app: App, folder: WorkspaceFolder): string | undefined {
  return app.memory.get<Record<string, string>>(REMEMBERED, {})[folder.uri.toString()];
}

/** Ask for the image of a folder's workspace; any name can be typed. It is remembered for the folder. */
export async function askForImage(app: App, folder: WorkspaceFolder): Promise<string | undefined> {
  const known = [rememberedImage(app, folder), ...app.state.workspaces.map((one) => one.image)].filter(
    Boolean,
  );
  const image = await pickOrType([...new Set([...(known as string[]), ...SUGGESTIONS])]);
  if (!image) return undefined;
  const all = app.memory.get<Record<string, string>>(REMEMBERED, {});
  await app.memory.update(REMEMBERED, { ...all, [folder.uri.toString()]: image });
  return image;
}

function pickOrType(names: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const picker = window.createQuickPick<QuickPickItem>();
    picker.title = "Start Workspace";
    picker.placeholder = "Image, such as debian:12";
    const offer = (typed: string): void => {
      const items = names.map((label) => ({ label }));
      picker.items = typed && !names.includes(typed) ? [{ label: typed, alwaysShow: true }, ...items] : items;
    };
    offer("");
    picker.onDidChangeValue((value) => offer(value.trim()));
    picker.onDidAccept(() => {
      resolve(picker.selectedItems[0]?.label);
      picker.hide();
    });
    picker.onDidHide(() => {
      resolve(undefined);
      picker.dispose();
    });
    picker.show();
  });
}
