import { addressIn, commandIn } from "./hints";
import type { State } from "./state";

/** What would make an engine answer on this machine. */
export interface EngineFix {
  /** The platform's type, as in `colima`; empty when none was found at all. */
  platform: string;
  hint: string;
  /** A command line for a terminal. */
  command: string | undefined;
  address: string | undefined;
}

/** The server's own hint where it can be acted on; else that of the first platform that was found. */
export function engineFix(state: State): EngineFix {
  const found = state.platforms.filter((one) => !one.reachable && one.hint);
  const platform =
    found.find((one) => one.hint === state.engine.hint) ??
    found.find((one) => commandIn(one.hint)) ??
    found[0];
  const hint = commandIn(state.engine.hint) || !platform ? state.engine.hint : platform.hint;
  return { platform: platform?.type ?? "", hint, command: commandIn(hint), address: addressIn(hint) };
}
