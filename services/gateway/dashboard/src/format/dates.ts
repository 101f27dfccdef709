/**
 * Calendar days of the shop, as YYYY-MM-DD. A day is never turned into an instant in the
 * browser's zone: arithmetic runs on UTC day numbers, so no clock change can move a day.
 */

const LOCALE = "en-US";
const DAY_MS = 86_400_000;
const ISO_DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

export type Day = string;

export function isDay(text: string): boolean {
  return ISO_DAY.test(text) && fromNumber(toNumber(text)) === text;
}

function toNumber(day: Day): number {
  const [, year = "", month = "", date = ""] = ISO_DAY.exec(day) ?? [];
  return Math.round(Date.UTC(Number(year), Number(month) - 1, Number(date)) / DAY_MS);
}

function fromNumber(number: number): Day {
  const instant = new Date(number * DAY_MS);
  return Number.isNaN(instant.getTime()) ? "" : instant.toISOString().slice(0, 10);
}

export function addDays(day: Day, count: number): Day {
  return fromNumber(toNumber(day) + count);
}

/** Jan 31 plus one month is the last day of February. */
export function addMonths(day: Day, count: number): Day {
  const [, year = "", month = "", date = ""] = ISO_DAY.exec(day) ?? [];
  const months = Number(year) * 12 + Number(month) - 1 + count;
  const first = `${String(Math.floor(months / 12)).padStart(4, "0")}-${String((months % 12) + 1).padStart(2, "0")}-01`;
  const lastDate = toNumber(addMonthStart(first)) - toNumber(first);
  return addDays(first, Math.min(Number(date), lastDate) - 1);
}

function addMonthStart(first: Day): Day {
  return startOfMonth(addDays(first, 31));
}

/** Days from `from` to `to`, both counted. */
export function daysBetween(from: Day, to: Day): number {
  return toNumber(to) - toNumber(from) + 1;
}

/** The Monday on or before. */
export function startOfWeek(day: Day): Day {
  const number = toNumber(day);
  // Day 0 was a Thursday.
  return fromNumber(number - ((((number + 3) % 7) + 7) % 7));
}

export function startOfMonth(day: Day): Day {
  return `${day.slice(0, 7)}-01`;
}

export function endOfMonth(day: Day): Day {
  return addDays(addMonthStart(startOfMonth(day)), -1);
}

const styles = {
  full: { year: "numeric", month: "short", day: "numeric" },
  weekday: { weekday: "short", year: "numeric", month: "short", day: "numeric" },
  short: { month: "short", day: "numeric" },
  month: { month: "short", year: "numeric" },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

const dayFormatters = new Map<string, Intl.DateTimeFormat>();

export function formatDay(day: Day, style: keyof typeof styles = "full"): string {
  let found = dayFormatters.get(style);
  if (!found) {
    found = new Intl.DateTimeFormat(LOCALE, { ...styles[style], timeZone: "UTC" });
    dayFormatters.set(style, found);
  }
  return found.format(toNumber(day) * DAY_MS);
}

/** Says a year once when both ends share it: "Jun 1 – 30, 1998". */
export function formatDayRange(from: Day, to: Day): string {
  if (from === to) return formatDay(from);
  const range = new Intl.DateTimeFormat(LOCALE, { ...styles.full, timeZone: "UTC" });
  return range.formatRange(toNumber(from) * DAY_MS, toNumber(to) * DAY_MS).replace(/\u2009/g, " ");
}

/** The shop's own calendar day at an instant. */
export function dayInZone(instant: Date, zone: string): Day {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  }).format(instant);
  return parts;
}

/** Clock time in the shop's zone; with the date when that is not today there. */
export function formatInstant(iso: string, zone: string | null, now: Date = new Date()): string {
  const instant = new Date(iso);
  const timeZone = zone ?? "UTC";
  const time = new Intl.DateTimeFormat(LOCALE, {
    timeZone,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(instant);
  const day = dayInZone(instant, timeZone);
  return day === dayInZone(now, timeZone) ? time : `${formatDay(day, "short")}, ${time}`;
}

/** Hours and minutes in the shop's zone; with the date when that is not today there. */
export function formatMinute(instant: Date, zone: string | null, now: Date = new Date()): string {
  return formatInstant(instant.toISOString(), zone, now).replace(/:\d\d$/, "");
}

/** "America/New_York" as "New York time". */
export function formatZone(zone: string): string {
  if (zone === "UTC" || zone === "Etc/UTC") return "UTC";
  const place = zone.split("/").at(-1) ?? zone;
  return `${place.replaceAll("_", " ")} time`;
}
