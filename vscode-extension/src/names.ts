/** The longest name that serves as a DNS label, less the `dvm-` in front of it. */
const LONGEST = 63 - "dvm-".length;

/**
 * The name of a folder's workspace: the folder's own, made safe. The same rule as
 * `dvm_runtimes.validation.naming.workspace_name_for`, so that `dvm up` in a terminal and
 * the editor mean the same workspace.
 */
export function workspaceNameFor(folderName: string): string {
  const safe = folderName
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9_.-]+/g, "-")
    .replace(/^[-._]+|[-._]+$/g, "");
  return safe.slice(0, LONGEST).replace(/[-._]+$/, "") || "workspace";
}
