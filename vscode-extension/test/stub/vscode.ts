// As much of the editor as the extension touches, without an editor. What a test
// decides (settings, answers to questions) is in `fake`, and what was shown too.
import { fake } from "./fake";

export { fake } from "./fake";
export type Event<T> = (listener: (value: T) => unknown) => Disposable;

export class Disposable {
  constructor(private readonly end: () => unknown = () => undefined) {}
  static from(...all: { dispose(): unknown }[]): Disposable {
    return new Disposable(() => all.forEach((one) => void one.dispose()));
  }
  dispose(): void {
    this.end();
  }
}

export class EventEmitter<T> {
  private readonly listeners = new Set<(value: T) => unknown>();
  readonly event = (listener: (value: T) => unknown): Disposable => {
    this.listeners.add(listener);
    return new Disposable(() => this.listeners.delete(listener));
  };
  fire(value: T): void {
    for (const listener of [...this.listeners]) listener(value);
  }
  dispose(): void {
    this.listeners.clear();
  }
}

export class CancellationTokenSource {
  private readonly emitter = new EventEmitter<void>();
  readonly token = { isCancellationRequested: false, onCancellationRequested: this.emitter.event };
  cancel(): void {
    this.token.isCancellationRequested = true;
    this.emitter.fire();
  }
  dispose(): void {
    this.emitter.dispose();
  }
}

export class CancellationError extends Error {}

export class Uri {
  private constructor(
    readonly scheme: string,
    readonly path: string,
    private readonly text: string,
  ) {}
  static file(path: string): Uri {
    return new Uri("file", path, `file://${path}`);
  }
  static parse(text: string): Uri {
    const { protocol, pathname } = new URL(text);
    return new Uri(protocol.replace(":", ""), pathname, text);
  }
  static joinPath(base: Uri, ...parts: string[]): Uri {
    return Uri.file([base.path, ...parts].join("/"));
  }
  get fsPath(): string {
    return this.path;
  }
  with({ path }: { path: string }): Uri {
    return Uri.file(path);
  }
  toString(): string {
    return this.text;
  }
}

export class ThemeColor {
  constructor(readonly id: string) {}
}
export class ThemeIcon {
  constructor(
    readonly id: string,
    readonly color?: ThemeColor,
  ) {}
}
export class TreeItem {
  constructor(
    readonly label: string,
    readonly collapsibleState: number,
  ) {}
}
export class TerminalProfile {
  constructor(readonly options: unknown) {}
}

export const TreeItemCollapsibleState = { None: 0, Collapsed: 1, Expanded: 2 };
export const StatusBarAlignment = { Left: 1, Right: 2 };
export const ProgressLocation = { SourceControl: 1, Window: 10, Notification: 15 };
export const QuickPickItemKind = { Separator: -1, Default: 0 };
export const LogLevel = { Off: 0, Trace: 1, Debug: 2, Info: 3, Warning: 4, Error: 5 };

const never = (): Disposable => new Disposable();

export const window = {
  get activeTextEditor() {
    return fake.activeEditor;
  },
  tabGroups: { all: [], onDidChangeTabs: never, onDidChangeTabGroups: never },
  visibleTextEditors: [],
  onDidChangeActiveTextEditor: never,
  onDidChangeVisibleTextEditors: never,
  createOutputChannel: (name: string) => fake.channel(name),
  createStatusBarItem: () => fake.statusItem,
  createTreeView: (_: string, options: unknown) =>
    Object.assign(fake.tree, { options, dispose: () => undefined }),
  createTerminal: (options: unknown) => fake.terminal(options),
  registerTerminalProfileProvider: (_: string, provider: unknown) => {
    fake.profile = provider as typeof fake.profile;
    return new Disposable();
  },
  setStatusBarMessage: (text: string) => fake.shown.push(text),
  showInformationMessage: (text: string, ...rest: unknown[]) => fake.ask(text, rest),
  showWarningMessage: (text: string, ...rest: unknown[]) => fake.ask(text, rest),
  showErrorMessage: (text: string, ...rest: unknown[]) => fake.ask(text, rest),
  showInputBox: (options: { title?: string }) => fake.ask(options.title ?? "", []),
  showWorkspaceFolderPick: async () => fake.folderPick,
  showQuickPick: async (
    items: { label: string }[] | Promise<{ label: string }[]>,
    options: { placeHolder?: string },
  ) => {
    const all = await items;
    const wanted = await fake.ask(
      options.placeHolder ?? "",
      all.map((one) => one.label),
    );
    return all.find((one) => one.label === wanted);
  },
  createQuickPick: () => {
    const typing = new EventEmitter<string>();
    const accepting = new EventEmitter<void>();
    const hiding = new EventEmitter<void>();
    const picker = {
      items: [] as { label: string }[],
      selectedItems: [] as { label: string }[],
      onDidChangeValue: typing.event,
      onDidAccept: accepting.event,
      onDidHide: hiding.event,
      show: () => {
        fake.pickers++;
        typing.fire(fake.typed);
        picker.selectedItems = picker.items.filter((one) => one.label === fake.typed);
        if (fake.typed) accepting.fire();
        else hiding.fire();
      },
      hide: () => hiding.fire(),
      dispose: () => undefined,
    };
    return picker;
  },
  withProgress: (_: unknown, work: (progress: object, token: object) => Promise<unknown>) => {
    fake.cancel = new CancellationTokenSource();
    return work({ report: (step: unknown) => fake.steps.push(step) }, fake.cancel.token);
  },
};

export const workspace = {
  get isTrusted() {
    return fake.trusted;
  },
  get workspaceFolders() {
    return fake.folders;
  },
  textDocuments: [],
  notebookDocuments: [],
  getWorkspaceFolder: (uri: Uri) => fake.folders?.find((one) => uri.path.startsWith(`${one.uri.path}/`)),
  getConfiguration: (section: string) => ({
    get: (name: string, otherwise: unknown) => fake.settings[`${section}.${name}`] ?? otherwise,
  }),
  fs: {
    stat: async (uri: Uri) => {
      if (!fake.files.has(uri.path)) throw new Error("no such file");
      return {};
    },
  },
  createFileSystemWatcher: () => ({
    onDidCreate: never,
    onDidChange: never,
    onDidDelete: never,
    dispose: never,
  }),
  onDidChangeConfiguration: fake.configuration.event,
  onDidGrantWorkspaceTrust: fake.trustGranted.event,
  onDidChangeWorkspaceFolders: never,
  onDidOpenTextDocument: never,
  onDidChangeTextDocument: never,
  onDidCloseTextDocument: never,
  onDidSaveTextDocument: never,
  onWillSaveTextDocument: never,
  onWillSaveTextDocumentWaitUntil: never,
  onDidCreateFiles: never,
  onDidRenameFiles: never,
  onDidDeleteFiles: never,
  onWillCreateFiles: never,
  onWillRenameFiles: never,
  onWillDeleteFiles: never,
  onDidOpenNotebookDocument: never,
  onDidChangeNotebookDocument: never,
  onDidCloseNotebookDocument: never,
  onDidSaveNotebookDocument: never,
};

export const commands = {
  registerCommand: (id: string, handler: (...args: unknown[]) => unknown) => {
    if (fake.commands.has(id)) throw new Error(`command '${id}' already exists`);
    fake.commands.set(id, handler);
    return new Disposable(() => fake.commands.delete(id));
  },
  executeCommand: async (id: string, ...args: unknown[]) => {
    fake.executed.push([id, ...args]);
    return fake.commands.get(id)?.(...args);
  },
};

export const env = {
  logLevel: LogLevel.Info,
  language: "en",
  appName: "stub",
  onDidChangeLogLevel: never,
  asExternalUri: async (uri: Uri) => uri,
  openExternal: async (uri: Uri) => {
    fake.opened.push(uri.toString());
    return fake.opens;
  },
};

export const extensions = {
  all: [],
  getExtension: (id: string) => fake.extensions.get(id),
  onDidChange: never,
};

export const languages = {
  match: () => 0,
  onDidChangeDiagnostics: never,
  createDiagnosticCollection: () => ({ dispose: () => undefined, clear: () => undefined }),
};

export const version = "1.91.0";
