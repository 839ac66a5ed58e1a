// Somebody else at the engine, with no part of DVM in between.
import { request } from "node:http";

interface Container {
  Id: string;
  Names: string[];
  State: string;
  Labels: Record<string, string>;
}

/** Ask the engine's own API; the answer's JSON, or undefined where it has none. */
function ask(socketPath: string, method: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method, path, timeout: 60_000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece: string) => {
        text += piece;
      });
      answer.on("end", () => {
        if ((answer.statusCode ?? 500) >= 400)
          reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
        else resolve(text ? JSON.parse(text) : undefined);
      });
    });
    asking.on("timeout", () => asking.destroy(new Error(`${method} ${path}: no answer`)));
    asking.on("error", reject);
    asking.end();
  });
}

export async function containers(socket: string): Promise<Container[]> {
  return (await ask(socket, "GET", "/containers/json?all=1")) as Container[];
}

export async function kill(socket: string, name: string): Promise<void> {
  await ask(socket, "POST", `/containers/${name}/kill?signal=KILL`);
}

/** Remove every container there is: the engine is the tests' own. */
export async function clear(socket: string): Promise<void> {
  for (const { Id } of await containers(socket)) await ask(socket, "DELETE", `/containers/${Id}?force=1&v=1`);
}
