import type { State } from "../model/state";
import type { WorkspaceState } from "../protocol/types";

/** What the status bar shows. */
export interface StatusText {
  text: string;
  tooltip: string;
  colour: "none" | "warning" | "error";
}

/** The state of a workspace in a word, with the icon that goes with it. */
export const WORDS: Record<WorkspaceState, { word: string; icon: string }> = {
  running: { word: "running", icon: "vm-running" },
  paused: { word: "paused", icon: "debug-pause" },
  restarting: { word: "restarting", icon: "sync~spin" },
  created: { word: "created", icon: "vm-outline" },
  exited: { word: "stopped", icon: "vm-outline" },
  dead: { word: "dead", icon: "error" },
  removing: { word: "removing", icon: "sync~spin" },
  not_found: { word: "not started", icon: "vm-outline" },
  unknown: { word: "unknown", icon: "question" },
};

/**
 * @param name the active workspace's; undefined when no folder is open.
 * @param trusted whether anything may be started from the folder.
 */
export function statusText(state: State, name: string | undefined, trusted = true): StatusText {
  if (state.server === "failed") {
    return { text: "$(error) DVM: failed", tooltip: "DVM's server is not running.", colour: "error" };
  }
  if (state.server === "restarting") {
    return {
      text: "$(sync~spin) DVM: restarting",
      tooltip: "DVM's server is started again.",
      colour: "warning",
    };
  }
  if (state.server !== "ready" || !state.engine.known) {
    return {
      text: "$(sync~spin) DVM: connecting",
      tooltip: "DVM is looking for a container engine.",
      colour: "none",
    };
  }
  if (!state.engine.reachable) {
    return { text: "$(debug-disconnect) DVM: no engine", tooltip: state.engine.hint, colour: "warning" };
  }
  const runtime = state.engine.info?.platformName || state.engine.info?.runtime || "";
  if (name === undefined)
    return { text: `$(vm) DVM: ${runtime}`, tooltip: "No folder is open.", colour: "none" };
  return workspaceText(state, name, runtime, trusted);
}

function workspaceText(state: State, name: string, runtime: string, trusted: boolean): StatusText {
  const activity = state.activity(name);
  if (activity) {
    return {
      text: `$(sync~spin) ${name} ${activity} · ${runtime}`,
      tooltip: `${name} on ${runtime}`,
      colour: "none",
    };
  }
  const failure = state.failure(name);
  if (failure) return { text: `$(error) ${name} failed · ${runtime}`, tooltip: failure, colour: "error" };
  const workspace = state.byName(name);
  const status = workspace?.status ?? "not_found";
  const code = workspace?.exitCode;
  const { word, icon } = WORDS[status];
  const detail = status === "exited" && code != null ? `${word} (exit code ${code})` : word;
  const tooltip = `${name} on ${runtime}: ${detail}${workspace ? `\n${workspace.image}` : ""}`;
  return {
    text: `$(${icon}) ${name} ${word} · ${runtime}`,
    tooltip: trusted ? tooltip : `${tooltip}\nThis folder is not trusted: nothing is started from it.`,
    colour: status === "dead" ? "error" : "none",
  };
}
