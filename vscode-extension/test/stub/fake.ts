// What a test sets, and what it sees, of the stubbed editor. `reset` before each test.

interface Folder {
  uri: { path: string; fsPath: string; toString(): string; with(change: { path: string }): unknown };
  name: string;
  index: number;
}

class Signal<T> {
  private readonly listeners = new Set<(value: T) => unknown>();
  readonly event = (listener: (value: T) => unknown): { dispose(): void } => {
    this.listeners.add(listener);
    return { dispose: () => void this.listeners.delete(listener) };
  };
  fire(value: T): void {
    for (const listener of [...this.listeners]) listener(value);
  }
}

export class Fake {
  settings: Record<string, unknown> = {};
  trusted = true;
  folders: Folder[] | undefined;
  folderPick: Folder | undefined;
  activeEditor: { document: { uri: unknown } } | undefined;
  files = new Set<string>();
  extensions = new Map<string, unknown>();
  opens = true;
  /** The answer to each question by a part of its text; what is not here is dismissed. */
  answers: [RegExp, string][] = [];

  /** What is typed into a picker that takes any text. */
  typed = "";
  /** How many of those were opened. */
  pickers = 0;

  /** Messages and questions, in order. */
  shown: string[] = [];
  /** Each question's buttons or items. */
  offered: string[][] = [];
  steps: unknown[] = [];
  opened: string[] = [];
  executed: unknown[][] = [];
  terminals: Record<string, unknown>[] = [];
  sentToTerminal: string[] = [];
  channels = new Map<string, { text: string; visible: boolean }>();
  commands = new Map<string, (...args: unknown[]) => unknown>();
  cancel: { cancel(): void; token: object } | undefined;
  profile: { provideTerminalProfile(): Promise<unknown> } | undefined;
  statusItem: Record<string, unknown> = { show: () => undefined, dispose: () => undefined };
  tree: Record<string, unknown> = {};

  readonly configuration = new Signal<{ affectsConfiguration(name: string): boolean }>();
  readonly trustGranted = new Signal<void>();

  async ask(text: string, rest: unknown[]): Promise<string | undefined> {
    this.shown.push(text);
    const buttons = rest.filter((one): one is string => typeof one === "string");
    this.offered.push(buttons);
    return this.answers.find(([pattern]) => pattern.test(text))?.[1];
  }

  channel(name: string): object {
    const kept = { text: "", visible: false };
    this.channels.set(name, kept);
    const line = (text: string): void => {
      kept.text += `${text}\n`;
    };
    return {
      name,
      logLevel: 3,
      onDidChangeLogLevel: () => ({ dispose: () => undefined }),
      append: (text: string) => {
        kept.text += text;
      },
      appendLine: line,
      replace: (text: string) => {
        kept.text = text;
      },
      trace: line,
      debug: line,
      info: line,
      warn: line,
      error: line,
      clear: () => undefined,
      show: () => {
        kept.visible = true;
      },
      hide: () => undefined,
      dispose: () => undefined,
    };
  }

  terminal(options: unknown): object {
    this.terminals.push(options as Record<string, unknown>);
    return { show: () => undefined, sendText: (text: string) => this.sentToTerminal.push(text) };
  }

  reset(): void {
    const { configuration, trustGranted, ...fresh } = new Fake();
    void configuration;
    void trustGranted;
    Object.assign(this, fresh);
  }
}

export const fake = new Fake();
