import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.e2e.ts"],
    // One editor at a time: each is about a gigabyte, and the machine may be small.
    fileParallelism: false,
    // A file is one session of one user; after a failure the rest of it means nothing.
    bail: 1,
    testTimeout: 400_000,
    hookTimeout: 400_000,
  },
});
