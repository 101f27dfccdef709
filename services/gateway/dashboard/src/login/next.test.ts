import { describe, expect, test } from "vitest";

import { safeNext } from "./next";

const ORIGIN = "https://shop.tillstream.example";
const PIECES = [
  ..."/\\.?#@:&=%~",
  ...["..", "//", "%2f", "%2F", "%5c", "%2e", "%09", "%0a", "%00", "\t", "\n", "\r", " ", "\0"],
  ...["evil.example", "login", "settings", "https:", "javascript:", "data:", "\u2044", "\uff0f"],
];

function* texts(length: number): Generator<string> {
  if (length === 0) yield "";
  else for (const rest of texts(length - 1)) for (const piece of PIECES) yield piece + rest;
}

function leadsElsewhere(place: string): boolean {
  const url = new URL(place, ORIGIN);
  // Also where something on the way decodes it once too often.
  const decoded = new URL(decodeURIComponent(url.pathname), ORIGIN);
  return (
    !place.startsWith("/") ||
    [url, decoded].some((one) => one.origin !== ORIGIN || one.pathname.startsWith("//")) ||
    `${url.pathname}${url.search}` !== place
  );
}

describe("where signing in leads to", () => {
  test.each([
    ["/", "/"],
    ["/?range=90d", "/?range=90d"],
    ["/settings", "/settings"],
    ["/settings/account?a=b%2Fc", "/settings/account?a=b%2Fc"],
    ["/./settings", "/settings"],
    ["/settings#people", "/settings"],
    ["/loginless", "/loginless"],
    ["/login?next=/", "/"],
    ["/./login", "/"],
    ["/x/../LOGIN/", "/"],
    ["//evil.example", "/"],
    ["/\\evil.example", "/"],
    ["/.//evil.example", "/"],
    ["/x/..//evil.example", "/"],
    ["/%2f/evil.example", "/"],
    ["/%5cevil.example", "/"],
    ["/\t/evil.example", "/"],
    ["/\n/evil.example", "/"],
    ["https://evil.example", "/"],
    ["javascript:alert(1)", "/"],
    ["evil.example", "/"],
    ["/:80", "/"],
    ["", "/"],
    [undefined, "/"],
    [["/settings"], "/"],
  ])("%j leads to %j", (next, place) => expect(safeNext(next)).toBe(place));

  test("no text leads to another origin", () => {
    const elsewhere: string[] = [];
    for (const length of [1, 2, 3]) {
      for (const text of texts(length)) {
        for (const next of [text, `/${text}`]) {
          const place = safeNext(next);
          if (leadsElsewhere(place) || safeNext(place) !== place) elsewhere.push(next);
        }
      }
    }
    expect(elsewhere).toEqual([]);
  });
});
