import { LogLevel, type LogOutputChannel, window, workspace } from "vscode";

const SECRETIVE = /("(?:env|buildArgs|secrets)"\s*:\s*)\{[^{}]*\}/g;

/** A message of the trace without the values that may be secrets. */
export function withoutSecrets(message: string): string {
  return message.replace(SECRETIVE, '$1{"…": "…"}');
}

/**
 * The channel of `dvm.trace.server`.
 *
 * The client's library writes a trace only while its log channel is at the level
 * Trace. This one is at it exactly when the setting says so: one switch, not two.
 */
export function traceChannel(): LogOutputChannel {
  const channel = window.createOutputChannel("DVM Trace", { log: true });
  return new Proxy(channel, {
    get(target, name) {
      if (name === "logLevel") return isOn() ? LogLevel.Trace : LogLevel.Info;
      // The editor's own level would still hold a trace back; info is always shown.
      if (name === "trace") return (message: string) => target.info(withoutSecrets(message));
      if (name === "onDidChangeLogLevel") {
        return (listener: (level: LogLevel) => void) =>
          workspace.onDidChangeConfiguration((change) => {
            if (change.affectsConfiguration("dvm.trace.server"))
              listener(isOn() ? LogLevel.Trace : LogLevel.Info);
          });
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function isOn(): boolean {
  return workspace.getConfiguration("dvm").get("trace.server", "off") !== "off";
}
