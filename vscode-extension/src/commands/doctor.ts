import { env, type QuickPickItem, Uri, window } from "vscode";
import type { App } from "../app";
import { addressIn, commandIn } from "../model/hints";
import { briefly } from "../ui/progress";
import { runInTerminal } from "../ui/terminals";

/** One thing that was examined. */
export interface Check {
  name: string;
  status: string;
  message: string;
  hint: string;
}

interface Report {
  checks: Check[];
}

/** Examine this machine; what is wrong comes first, and choosing it does what its hint says. */
export async function runDoctor(app: App): Promise<void> {
  const report = await briefly("Doctor", () => app.connection.call<Report>("dvm.doctor"));
  for (const check of report.checks) app.log.info(`Doctor: ${check.status} ${check.name}: ${check.message}`);
  const chosen = await window.showQuickPick(doctorItems(report.checks), {
    title: "DVM Doctor",
    placeHolder: verdict(report.checks),
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (!chosen) return;
  const { hint } = chosen.check;
  const command = commandIn(hint);
  const address = addressIn(hint);
  if (command) runInTerminal(command);
  else if (address) await env.openExternal(Uri.parse(address));
}

const ICONS: Record<string, string> = { ok: "pass", warning: "warning", error: "error" };
const ORDER = ["error", "warning", "ok"];

export function doctorItems(checks: Check[]): (QuickPickItem & { check: Check })[] {
  const place = (check: Check): number =>
    (ORDER.indexOf(check.status) + ORDER.length + 1) % (ORDER.length + 1);
  return [...checks]
    .sort((a, b) => place(a) - place(b))
    .map((check) => ({
      label: `$(${ICONS[check.status] ?? "info"}) ${check.name}`,
      description: check.message,
      ...(check.hint ? { detail: check.hint } : {}),
      check,
    }));
}

export function verdict(checks: Check[]): string {
  const wrong = checks.filter((check) => check.status === "error").length;
  if (!wrong) return "Everything that was examined works";
  return `${wrong} of ${checks.length} need${wrong === 1 ? "s" : ""} attention; choose one to do what its hint says`;
}
