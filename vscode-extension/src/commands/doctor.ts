import { commands, env, type QuickPickItem, Uri, window } from "vscode";
import type { App } from "../app";
import { addressIn } from "../model/hints";
import { briefly } from "../ui/progress";
import { hintRemedies } from "../ui/remedies";

/** One thing that was looked at. */
export interface Check {
  topic: string;
  state: "ok" | "note" | "warning" | "problem";
  text: string;
  /** What to do about it; empty when there is nothing to be done. */
  hint: string;
}

interface Report {
  ok: boolean;
  version: string;
  python: string;
  checks: Check[];
}

/** Examine the machine; what is wrong comes first, and choosing it does what its hint says. */
export async function runDoctor(app: App): Promise<void> {
  const report = await briefly("Doctor", () => app.connection.call<Report>("dvm.doctor"));
  app.log.info(`Doctor: DVM ${report.version}, Python ${report.python}`);
  for (const check of report.checks) app.log.info(`Doctor: ${check.state}: ${check.topic}: ${check.text}`);
  const chosen = await window.showQuickPick(doctorItems(report.checks), {
    title: "DVM Doctor",
    placeHolder: verdict(report.checks),
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (chosen) await follow(chosen.check.hint);
}

async function follow(hint: string): Promise<void> {
  const [remedy] = hintRemedies(hint);
  const address = addressIn(hint);
  if (remedy) await commands.executeCommand(remedy.command, ...remedy.arguments);
  else if (address) await env.openExternal(Uri.parse(address));
}

const ORDER: Check["state"][] = ["problem", "warning", "ok", "note"];
const ICONS = { problem: "error", warning: "warning", ok: "pass", note: "circle-slash" };

export function doctorItems(checks: Check[]): (QuickPickItem & { check: Check })[] {
  return [...checks]
    .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
    .map((check) => ({
      label: `$(${ICONS[check.state]}) ${check.topic}`,
      description: check.text,
      ...(check.hint ? { detail: check.hint } : {}),
      check,
    }));
}

export function verdict(checks: Check[]): string {
  const problems = checks.filter((check) => check.state === "problem").length;
  if (!problems) return "Nothing is in the way";
  const subject = problems === 1 ? "One thing is" : `${problems} things are`;
  return `${subject} in the way; choose one to do what its hint says`;
}
