import { type CancellationToken, type LogOutputChannel, workspace } from "vscode";
import {
  CloseAction,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  State,
  WorkDoneProgress,
} from "vscode-languageclient/node";
import type { Launch } from "./launch";

/** One step of long work, as the server tells it. */
export interface Step {
  message: string;
  /** 0 to 100; undefined when it is not known. */
  percentage: number | undefined;
}

export interface CallOptions {
  token?: CancellationToken;
  onStep?: (step: Step) => void;
}

export interface Channels {
  log: LogOutputChannel;
  trace: LogOutputChannel;
}

const START_LIMIT = 60_000;
let lastToken = 0;

/** What goes wrong is logged; the user is told by us, once and with what can be done. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }

  override info(message: string, data?: unknown): void {
    super.info(message, data, false);
  }
}

/** One run of the server's process, from its start to its end. It is never started again. */
export class Session {
  private readonly client: QuietClient;
  private stopping = false;

  /**
   * @param onEnd called once, when the process ends by itself after it had been initialised.
   * @param runtime the runtime to use, as in `docker` or `colima:work`; `auto` leaves it to the server.
   */
  constructor(
    readonly launch: Launch,
    runtime: string,
    channels: Channels,
    onEnd: () => void,
  ) {
    this.client = new QuietClient(
      "dvm",
      "DVM",
      {
        command: launch.command,
        args: launch.args,
        // Its own folder would decide what Python imports, and would be held open.
        options: { env: { ...process.env, ...launch.env } },
      },
      {
        documentSelector: [],
        // Left out, the server goes by DVM_RUNTIME and the configuration file before it searches.
        initializationOptions: runtime === "auto" ? {} : { runtime },
        outputChannel: channels.log,
        traceOutputChannel: channels.trace,
        initializationFailedHandler: () => false,
        errorHandler: {
          error: () => ({ action: ErrorAction.Continue, handled: true }),
          // Starting again is the connection's decision: it waits, tells once, and gives up.
          closed: () => {
            if (!this.stopping && this.client.state === State.Running) onEnd();
            return { action: CloseAction.DoNotRestart, handled: true };
          },
        },
        middleware: {
          // The server's own command IDs are commands of the editor too, for keybindings and other extensions.
          executeCommand: (command, args, next) => {
            if (!workspace.isTrusted)
              throw new Error("This folder is not trusted: DVM starts nothing from it.");
            return next(command, args);
          },
        },
      },
    );
  }

  get pid(): number | undefined {
    return this.client.serverProcess?.pid;
  }

  /** @throws when it does not answer `initialize` in time, or ends before. */
  async start(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("it did not answer within 60 seconds")), START_LIMIT);
    });
    try {
      await Promise.race([this.client.start(), tooLong]);
    } catch (error) {
      // A client that is starting cannot be stopped, but its process can.
      this.client.serverProcess?.kill("SIGKILL");
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** End it; the server has two seconds to finish, then its processes are killed. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.client.state === State.Running) await this.client.stop();
  }

  onNotification<T>(method: string, handler: (params: T) => void): void {
    this.client.onNotification(method, handler);
  }

  /** Run one of the server's commands. */
  async call(command: string, argument: object, { token, onStep }: CallOptions): Promise<unknown> {
    const workDoneToken = onStep && `dvm-${++lastToken}`;
    const listening =
      workDoneToken &&
      this.client.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
        if (value.kind === "begin") onStep?.({ message: value.message ?? "", percentage: value.percentage });
        if (value.kind === "report") onStep?.({ message: value.message ?? "", percentage: value.percentage });
      });
    try {
      return await this.client.sendRequest(
        ExecuteCommandRequest.type,
        { command, arguments: [argument], ...(workDoneToken ? { workDoneToken } : {}) },
        token,
      );
    } finally {
      if (listening) listening.dispose();
    }
  }
}
