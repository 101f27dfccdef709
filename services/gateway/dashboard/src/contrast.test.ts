/** Every pair of colours that is used meets WCAG 2.2 AA, in light and in dark. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const css = readFileSync(`${process.cwd()}/src/styles.css`, "utf8");

function tokensOf(block: string): Record<string, string> {
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]),
  );
}

const [lightBlock = "", darkBlock = ""] = [...css.matchAll(/:root\s*\{([^}]*)\}/g)].map(
  ([, body = ""]) => body,
);
const themes = { light: tokensOf(lightBlock), dark: tokensOf(darkBlock) };

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const TEXT: [string, string][] = [
  ...["ink", "ink-2", "ink-3", "accent", "good", "bad", "warn"].map(
    (ink): [string, string] => [ink, "surface"],
  ),
  ...["ink", "ink-2", "ink-3", "accent"].map((ink): [string, string] => [ink, "bg"]),
  ...["ink", "ink-2"].map((ink): [string, string] => [ink, "surface-2"]),
  ["ink-3", "surface-2"],
  ["bad", "bad-soft"],
  ["on-accent", "accent"],
  ["on-accent", "accent-strong"],
  ...["accent-soft", "warn-soft", "bad-soft"].flatMap((box): [string, string][] => [
    ["ink", box],
    ["ink-2", box],
  ]),
];

const SHAPES: [string, string][] = [
  ["control", "surface"],
  ["control", "bg"],
  ["accent", "surface"],
  ["accent", "bg"],
  ["accent", "accent-soft"],
  ["accent", "surface-2"],
  ["bad", "surface-2"],
  ["previous", "surface"],
  ["warn", "warn-soft"],
  ["bad", "bad-soft"],
];

describe.each(["light", "dark"] as const)("%s", (theme) => {
  const of = (name: string) => themes[theme][name] ?? "";

  test("both blocks define the same tokens", () => {
    expect(Object.keys(themes[theme]).sort()).toEqual(Object.keys(themes.light).sort());
    expect(Object.keys(themes[theme]).length).toBeGreaterThan(15);
  });

  test.each(TEXT)("text %s on %s has 4.5:1", (ink, ground) => {
    expect(contrast(of(ink), of(ground))).toBeGreaterThanOrEqual(4.5);
  });

  test.each(SHAPES)("%s against %s has 3:1", (shape, ground) => {
    expect(contrast(of(shape), of(ground))).toBeGreaterThanOrEqual(3);
  });
});
