const OURS = "https://tillstream.invalid";
// Plain names alone: what is left cannot become "//host" by being parsed or decoded once more.
const PAGE = /^\/(?:[\w-]+(?:\/[\w-]+)*\/?)?$/;
const LOGIN = /^\/login(?:\/|$)/i;

/** Where to go after signing in: a page of ours, or the overview. */
export function safeNext(next: unknown): string {
  if (typeof next !== "string" || !next.startsWith("/") || !URL.canParse(next, OURS)) return "/";
  // A browser's parser decides what the text means, not a pattern.
  const { origin, pathname, search } = new URL(next, OURS);
  if (origin !== OURS || !PAGE.test(pathname) || LOGIN.test(pathname)) return "/";
  return `${pathname}${search}`;
}
