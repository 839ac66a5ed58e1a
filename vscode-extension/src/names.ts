const LONGEST = 59;

/**
 * What a folder's workspace is called, as `dvm_runtimes.folders.identity` calls it. It is shown only: which
 * workspace is a folder's, the server says.
 */
export function workspaceNameFor(folderName: string): string {
  const safe = folderName
    .normalize("NFKD")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII.
    .replace(/[^\x00-\x7f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, (found) => (/^(?:[._]|__|-+)$/.test(found) ? found : "-"))
    .replace(/^[-._]+|[-._]+$/g, "");
  return safe.slice(0, LONGEST).replace(/[-._]+$/, "") || "workspace";
}
