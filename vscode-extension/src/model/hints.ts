/** The first command line in a hint: what stands between backticks and is more than an option. */
export function commandIn(hint: string): string | undefined {
  return /`\s*([^`\s-][^`\n]*)`/.exec(hint)?.[1]?.trim();
}

/** The first address in a hint, for what can only be downloaded. */
export function addressIn(hint: string): string | undefined {
  return /https?:\/\/[^\s`)>\]]+/.exec(hint)?.[0]?.replace(/[.,;]$/, "");
}
