import type { LogOutputChannel, Memento, OutputChannel } from "vscode";
import type { Folders } from "./model/folders";
import type { Refresh } from "./model/refresh";
import type { State } from "./model/state";
import type { Connection } from "./server/connection";

/** The parts of the extension that a command may use. */
export interface App {
  connection: Connection;
  state: State;
  folders: Folders;
  refresh: Refresh;
  log: LogOutputChannel;
  /** The output of builds, pulls and starts. */
  output: OutputChannel;
  /** What is remembered for this folder. */
  memory: Memento;
}
