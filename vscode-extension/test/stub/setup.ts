// vscode-languageclient is CommonJS and asks Node for "vscode": it gets the same stub as our own code.
import Module from "node:module";
import * as stub from "vscode";

const anything = new Proxy(stub as object, {
  // Its many language features extend classes of the editor that nothing here ever makes.
  get: (target, name) => Reflect.get(target, name) ?? class {},
});
const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
const load = loader._load;
loader._load = (request, ...rest) => (request === "vscode" ? anything : load.call(Module, request, ...rest));
