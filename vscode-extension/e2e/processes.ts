// The processes of this machine, as /proc tells of them.
import { readdirSync, readFileSync } from "node:fs";

interface Process {
  pid: number;
  parent: number;
  words: string[];
}

function all(): Process[] {
  const found: Process[] = [];
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      found.push({ pid: Number(name), parent, words });
    } catch {
      // It ended while it was read.
    }
  }
  return found;
}

/** The descendants of a process that have this word in their command line. */
export function descendants(pid: number, word: string): number[] {
  const processes = all();
  const found: Process[] = [];
  const waiting = [pid];
  while (waiting.length) {
    const parent = waiting.pop();
    const below = processes.filter((one) => one.parent === parent);
    found.push(...below);
    waiting.push(...below.map((one) => one.pid));
  }
  return found.filter((one) => one.words.includes(word)).map((one) => one.pid);
}
