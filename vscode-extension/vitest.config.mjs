import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const stub = fileURLToPath(new URL("test/stub/vscode.ts", import.meta.url));

export default defineConfig({
  resolve: { alias: { vscode: stub } },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/stub/setup.ts"],
    // A real server starts in some of them, beside whatever else this machine does.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
  },
});
