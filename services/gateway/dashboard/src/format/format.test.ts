/** Money keeps every cent, and no clock change or leap day moves a day of the shop. */

import { describe, expect, test } from "vitest";

import {
  addDays,
  addMonths,
  dayInZone,
  daysBetween,
  endOfMonth,
  formatDay,
  formatDayRange,
  formatInstant,
  formatMinute,
  isDay,
  startOfWeek,
} from "./dates";
import { divideDecimal, sumDecimals } from "./decimal";
import { formatCount, formatMoney, formatMoneyCompact, formatPercent, minorUnits } from "./numbers";

describe("money", () => {
  test("shows a decimal string to the cent", () => {
    expect(formatMoney("2500315.63", "USD")).toBe("$2,500,315.63");
    expect(formatMoney("0.00", "USD")).toBe("$0.00");
  });

  test("keeps cents beyond what a float can hold", () => {
    expect(formatMoney("90071992547409934.57", "USD")).toBe("$90,071,992,547,409,934.57");
  });

  test("uses the minor units of the currency", () => {
    expect(formatMoney("1234", "JPY")).toBe("¥1,234");
    expect(formatMoney("1234.567", "KWD").replace(/\s/g, " ")).toBe("KWD 1,234.567");
    expect([minorUnits("USD"), minorUnits("JPY"), minorUnits("KWD")]).toEqual([2, 0, 3]);
  });

  test("shows every code of Shopify's list, also one that is no code of ISO 4217", () => {
    const shown = (amount: string, currency: string) => formatMoney(amount, currency).replace(/\s/g, " ");
    expect(shown("1234.5", "USDC")).toBe("USDC 1,234.50");
    expect(shown("-0.05", "USDC")).toBe("-USDC 0.05");
    expect(shown("90071992547409934.57", "USDC")).toBe("USDC 90,071,992,547,409,934.57");
    expect(formatMoneyCompact(12_340, "USDC").replace(/\s/g, " ")).toBe("USDC 12.3K");
    expect(minorUnits("USDC")).toBe(2);
    expect(shown("12.50", "XXX")).toBe("¤12.50");
    expect(shown("12.50", "JEP")).toBe("JEP 12.50");
  });

  test("one amount does not decide the decimals of the next", () => {
    expect(formatMoney("5", "EUR")).toBe("€5.00");
    expect(formatMoney("211.37", "EUR")).toBe("€211.37");
  });

  test("adds decimal strings exactly", () => {
    expect(sumDecimals(["0.1", "0.2"])).toBe("0.3");
    expect(sumDecimals(["90071992547409934.57", "0.03", "-1"])).toBe("90071992547409933.60");
    expect(sumDecimals([])).toBe("0");
  });

  test("divides and rounds half away from zero", () => {
    expect(divideDecimal("2500315.63", 69659, 2)).toBe("35.89");
    expect(divideDecimal("0.05", 2, 2)).toBe("0.03");
    expect(divideDecimal("-0.05", 2, 2)).toBe("-0.03");
    expect(divideDecimal("100", 3, 0)).toBe("33");
  });

  test("refuses what is not a decimal", () => {
    expect(() => sumDecimals(["1e5"])).toThrow(RangeError);
  });
});

test("counts and percentages read as a person writes them", () => {
  expect(formatCount(69659)).toBe("69,659");
  expect(formatPercent(0.026)).toBe("2.6%");
  expect(formatPercent(12.4)).toBe("1,240%");
});

describe("days", () => {
  test("accepts only real days", () => {
    expect(["2024-02-29", "1997-01-01"].every(isDay)).toBe(true);
    expect(["2023-02-29", "1998-13-01", "98-01-01", "", "1998-6-1"].some(isDay)).toBe(false);
  });

  test("a range over a clock change has as many days as the calendar", () => {
    // Clocks changed on 1998-04-05 in New York and on 2026-03-29 in London.
    expect(daysBetween("1998-04-01", "1998-04-30")).toBe(30);
    expect(addDays("1998-04-05", -1)).toBe("1998-04-04");
    expect(addDays("2026-03-28", 2)).toBe("2026-03-30");
  });

  test("leap days count", () => {
    expect(daysBetween("2024-02-01", "2024-03-01")).toBe(30);
    expect(daysBetween("2023-02-01", "2023-03-01")).toBe(29);
    expect(addMonths("2024-02-29", -12)).toBe("2023-02-28");
    expect(addMonths("2024-01-31", 1)).toBe("2024-02-29");
    expect(endOfMonth("2024-02-10")).toBe("2024-02-29");
  });

  test("weeks start on Monday, before 1970 too", () => {
    expect(startOfWeek("1998-06-30")).toBe("1998-06-29");
    expect(startOfWeek("1998-06-29")).toBe("1998-06-29");
    expect(startOfWeek("1969-12-28")).toBe("1969-12-22");
  });

  test("a day is written as that day whatever the browser's zone", () => {
    expect(formatDay("1998-06-30")).toBe("Jun 30, 1998");
    expect(formatDay("1998-06-30", "weekday")).toBe("Tue, Jun 30, 1998");
    expect(formatDayRange("1998-06-01", "1998-06-30")).toBe("Jun 1 – 30, 1998");
    expect(formatDayRange("1998-06-01", "1998-06-01")).toBe("Jun 1, 1998");
  });

  test("an instant is shown in the shop's zone, with its date unless it is today there", () => {
    const now = new Date("2026-11-24T03:00:00Z");
    expect(formatInstant("2026-11-24T02:30:05Z", "America/New_York", now)).toBe("21:30:05");
    expect(formatInstant("2026-11-22T12:00:00Z", "America/New_York", now)).toBe("Nov 22, 07:00:00");
    const then = new Date("2026-11-24T02:30:05Z");
    expect(formatMinute(then, "America/New_York", now)).toBe("21:30");
    expect(dayInZone(now, "America/New_York")).toBe("2026-11-23");
    expect(dayInZone(now, "Asia/Tokyo")).toBe("2026-11-24");
  });
});
