import { LSPErrorCodes, ResponseError } from "vscode-languageclient/node";

/** Something that went wrong, in DVM's own vocabulary. */
export class Failure extends Error {
  constructor(
    message: string,
    /** A stable word, as in `runtime_unavailable`; see docs/protocol.md. */
    readonly kind: string,
    /** What to do next on this platform; may be empty. */
    readonly hint = "",
    /** The last lines that the container or the build wrote; may be empty. */
    readonly logs = "",
  ) {
    super(message);
  }
}

/** Whatever a request was rejected with, as a `Failure`. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ResponseError)) return new Failure(message, "error");
  if (error.code === LSPErrorCodes.RequestCancelled) return new Failure(message, "cancelled");
  const data: unknown = error.data;
  const member = (name: string): string => {
    const value =
      typeof data === "object" && data !== null ? (data as Record<string, unknown>)[name] : undefined;
    return typeof value === "string" ? value : "";
  };
  return new Failure(member("message") || message, member("kind") || "error", member("hint"), member("logs"));
}

/** Whether the user asked for it to stop, so that nobody needs to be told. */
export function isCancelled(failure: Failure): boolean {
  return failure.kind === "cancelled";
}
