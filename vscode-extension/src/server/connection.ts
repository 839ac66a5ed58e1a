import { type Disposable, EventEmitter, type LogOutputChannel } from "vscode";
import { asFailure, Failure } from "../protocol/failure";
import type { LogPiece, RuntimeChanged, WorkspaceChanged } from "../protocol/types";
import { Backoff } from "./backoff";
import type { Launch } from "./launch";
import { type CallOptions, type Channels, Session } from "./session";

export type ServerState = "stopped" | "starting" | "ready" | "restarting" | "failed";

/** What the connection needs to know and cannot find out itself. */
export interface Surroundings extends Channels {
  log: LogOutputChannel;
  chooseLaunch(): Promise<Launch>;
  runtime(): string;
}

/** The server, kept alive: one for the window, whatever number of folders it has. */
export class Connection implements Disposable {
  private readonly stateEmitter = new EventEmitter<ServerState>();
  private readonly workspaceEmitter = new EventEmitter<WorkspaceChanged>();
  private readonly runtimeEmitter = new EventEmitter<RuntimeChanged>();
  private readonly crashEmitter = new EventEmitter<"restarting" | "gave-up">();
  private readonly failureEmitter = new EventEmitter<Failure>();
  private readonly logsEmitter = new EventEmitter<LogPiece>();
  private readonly backoff = new Backoff();
  private session: Session | undefined;
  private timer: NodeJS.Timeout | undefined;
  private current: ServerState = "stopped";
  private pending: Promise<void> = Promise.resolve();

  readonly onDidChangeState = this.stateEmitter.event;
  readonly onWorkspaceChanged = this.workspaceEmitter.event;
  readonly onRuntimeChanged = this.runtimeEmitter.event;
  /** The server ended by itself: once a series of ends, and once more when it is given up. */
  readonly onCrash = this.crashEmitter.event;
  /** The server could not be started at all. */
  readonly onStartFailure = this.failureEmitter.event;
  /** A piece of a log that is followed. */
  readonly onLogs = this.logsEmitter.event;

  constructor(private readonly around: Surroundings) {}

  get state(): ServerState {
    return this.current;
  }

  get launch(): Launch | undefined {
    return this.session?.launch;
  }

  get pid(): number | undefined {
    return this.session?.pid;
  }

  /** Start it, or stop it and start it again: whatever there was counts no more. */
  restart(): Promise<void> {
    this.backoff.forget();
    return this.inTurn(async () => {
      await this.end();
      await this.begin("starting");
    });
  }

  stop(): Promise<void> {
    return this.inTurn(async () => {
      await this.end();
      this.become("stopped");
    });
  }

  /**
   * Run one of the server's commands.
   *
   * @throws Failure
   */
  async call<T>(command: string, argument: object = {}, options: CallOptions = {}): Promise<T> {
    if (!this.session || this.current !== "ready") {
      throw new Failure("DVM's server is not running", "server_down", "Restart it, or read its output.");
    }
    try {
      return (await this.session.call(command, argument, options)) as T;
    } catch (error) {
      if (options.token?.isCancellationRequested) throw new Failure("Cancelled", "cancelled");
      throw asFailure(error);
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const emitter of [
      this.stateEmitter,
      this.workspaceEmitter,
      this.runtimeEmitter,
      this.crashEmitter,
      this.failureEmitter,
      this.logsEmitter,
    ]) {
      emitter.dispose();
    }
  }

  /** Starts and stops never overlap. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    this.pending = this.pending.then(work, work);
    return this.pending;
  }

  private async end(): Promise<void> {
    clearTimeout(this.timer);
    const session = this.session;
    this.session = undefined;
    await session?.stop().catch((error) => this.around.log.warn(`The server did not stop cleanly: ${error}`));
  }

  private async begin(state: "starting" | "restarting"): Promise<void> {
    this.become(state);
    try {
      const launch = await this.around.chooseLaunch();
      this.around.log.info(`Starting the server (${launch.origin})`);
      const session = new Session(launch, this.around.runtime(), this.around, () => this.ended(session));
      session.onNotification<WorkspaceChanged>("dvm/workspaceChanged", (change) =>
        this.workspaceEmitter.fire(change),
      );
      session.onNotification<RuntimeChanged>("dvm/runtimeChanged", (change) =>
        this.runtimeEmitter.fire(change),
      );
      session.onNotification<LogPiece>("dvm/logs", (piece) => this.logsEmitter.fire(piece));
      this.session = session;
      await session.start();
      this.become("ready");
    } catch (error) {
      // A server that never came up would not come up the next time either: no restarts.
      const failure = unstarted(asFailure(error));
      this.around.log.error(`${failure.message}`);
      this.session = undefined;
      this.become("failed");
      this.failureEmitter.fire(failure);
    }
  }

  private ended(session: Session): void {
    if (session !== this.session) return;
    this.session = undefined;
    const decision = this.backoff.ended(performance.now());
    if (!decision.restart) {
      this.become("failed");
      this.crashEmitter.fire("gave-up");
      return;
    }
    this.become("restarting");
    this.around.log.warn(`The server ended unexpectedly; it is started again in ${decision.delay} ms`);
    if (decision.tell) this.crashEmitter.fire("restarting");
    this.timer = setTimeout(() => void this.inTurn(() => this.begin("restarting")), decision.delay);
  }

  private become(state: ServerState): void {
    if (state === this.current) return;
    this.current = state;
    this.stateEmitter.fire(state);
  }
}

/** The failure in words for the user; a missing Python explains itself. */
function unstarted(failure: Failure): Failure {
  if (failure.kind === "no_python") return failure;
  const reason = failure.message.replace(/\.$/, "");
  return new Failure(
    `DVM's server could not be started: ${reason}`,
    "server_down",
    "The output has its last words.",
  );
}
