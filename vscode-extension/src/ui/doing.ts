import type { Activity, State } from "../model/state";
import { asFailure, isCancelled } from "../protocol/failure";

/** Show what is being done to a workspace while it is done, and that it failed when it did. */
export async function whileDoing<T>(
  state: State,
  name: string,
  activity: Activity,
  work: () => Thenable<T>,
): Promise<T> {
  state.begin(name, activity);
  try {
    const result = await work();
    state.finish(name);
    return result;
  } catch (error) {
    const failure = asFailure(error);
    state.finish(name, isCancelled(failure) ? undefined : failure.message);
    throw failure;
  }
}
