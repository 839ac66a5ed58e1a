// Data for tests, with everything that a test does not care about filled in.
import type { Platform, RuntimeInfo, Workspace } from "../../src/protocol/types";

export function aWorkspace(change: Partial<Workspace> = {}): Workspace {
  const name = change.workspace ?? "shop";
  return {
    id: `id-of-${name}`,
    name: `dvm-${name}`,
    status: "running",
    image: "debian:12",
    app: "",
    workspace: name,
    runtime: "docker",
    exitCode: null,
    labels: {},
    ports: {},
    ...change,
  };
}

export function aPlatform(change: Partial<Platform> = {}): Platform {
  return {
    type: "docker",
    name: "Docker Engine",
    endpoint: "unix:///var/run/docker.sock",
    profile: "default",
    reachable: true,
    version: "28.5.2",
    active: true,
    hint: "",
    problem: "",
    selector: "docker:default",
    ...change,
  };
}

export function anEngine(change: Partial<RuntimeInfo> = {}): RuntimeInfo {
  return {
    runtime: "docker",
    runtimeType: "docker",
    platformName: "Docker Engine",
    version: "28.5.2",
    endpoint: "unix:///var/run/docker.sock",
    ...change,
  };
}
