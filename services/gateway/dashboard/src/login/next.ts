/** Where to go after signing in: a page of ours, or the overview. */
export function safeNext(next: unknown): string {
  if (typeof next !== "string" || !next.startsWith("/") || next.startsWith("/login")) return "/";
  // "//host" and "/\host" are other origins to a browser; the parser decides, not a pattern.
  const ours = "https://tillstream.invalid";
  const url = new URL(next, ours);
  return url.origin === ours ? `${url.pathname}${url.search}` : "/";
}
