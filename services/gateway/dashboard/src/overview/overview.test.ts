/** Ranges, comparisons and buckets say what they mean, and buckets lose no cent. */

import { describe, expect, test } from "vitest";

import { sumDecimals } from "../format/decimal";
import { addDays } from "../format/dates";
import { tickIndices } from "./chartGeometry";
import { compare } from "./deltas";
import { granularityFor, groupDays } from "./grouping";
import { bucketName, countedOrders, partialNote } from "./labels";
import { choiceOf, isBackwards, parseSearch, previousRange, resolve } from "./ranges";

describe("ranges", () => {
  const preset = (search: Record<string, unknown>) =>
    resolve(choiceOf(parseSearch(search)), "1998-06-30");

  test("without a choice, thirty days up to the last order are shown", () => {
    expect(preset({})).toEqual({ from: "1998-06-01", to: "1998-06-30" });
  });

  test("presets end on the last day with orders", () => {
    expect(preset({ range: "90d" })).toEqual({ from: "1998-04-02", to: "1998-06-30" });
    expect(preset({ range: "12m" })).toEqual({ from: "1997-07-01", to: "1998-06-30" });
    expect(preset({ range: "all" })).toEqual({});
  });

  test("presets end today at the latest, whatever an order is dated", () => {
    const resolved = (search: Record<string, unknown>) =>
      resolve(choiceOf(parseSearch(search)), "1998-07-01", "1998-06-30");
    expect(resolved({})).toEqual({ from: "1998-06-01", to: "1998-06-30" });
    expect(resolved({ range: "12m" })).toEqual({ from: "1997-07-01", to: "1998-06-30" });
    expect(resolved({ range: "all" })).toEqual({});
  });

  test("a shop without orders has no preset range", () => {
    expect(resolve(choiceOf({}), null)).toBeNull();
  });

  test("dates in the URL win over a preset, and one end may be open", () => {
    const search = { range: "90d", from: "1997-01-01", to: "1997-01-31" };
    expect(preset(search)).toEqual({ from: "1997-01-01", to: "1997-01-31" });
    expect(preset({ from: "1997-01-01" })).toEqual({ from: "1997-01-01", to: undefined });
  });

  test("what cannot be read is dropped and the default opens", () => {
    expect(parseSearch({ from: "1997-02-30", range: "7y" })).toEqual({});
    expect(parseSearch({ range: "30d" })).toEqual({});
  });

  test("the period before is as long and ends the day before", () => {
    expect(previousRange({ from: "2024-03-01", to: "2024-03-31" }, "2020-01-01")).toEqual({
      from: "2024-01-30",
      to: "2024-02-29",
    });
  });

  test("there is no period before where history does not reach back that far", () => {
    expect(previousRange({ from: "1997-01-20", to: "1997-02-20" }, "1997-01-01")).toBeNull();
    expect(previousRange({}, "1997-01-01")).toBeNull();
  });

  test("a range that starts after it ends is known as such", () => {
    expect(isBackwards({ from: "1998-02-01", to: "1998-01-01" })).toBe(true);
    expect(isBackwards({ from: "1998-01-01", to: "1998-01-01" })).toBe(false);
  });
});

describe("comparisons", () => {
  test("a change has a direction and a share", () => {
    expect(compare({ value: 110, orders: 50 }, { value: 100, orders: 40 })).toEqual({
      kind: "change",
      fraction: 0.1,
      direction: "up",
    });
    expect(compare({ value: 90, orders: 50 }, { value: 100, orders: 40 })).toMatchObject({
      direction: "down",
    });
  });

  test("what would read 0.0 % has no direction", () => {
    const delta = compare({ value: 100_001, orders: 50 }, { value: 100_000, orders: 50 });
    expect(delta).toMatchObject({ direction: "flat" });
  });

  test("below 30 orders on either side nothing is compared", () => {
    expect(compare({ value: 10, orders: 29 }, { value: 5, orders: 90 }).kind).toBe("too-few");
    expect(compare({ value: 10, orders: 90 }, { value: 5, orders: 29 }).kind).toBe("too-few");
  });

  test("without a full period before there is no percentage", () => {
    expect(compare({ value: 10, orders: 90 }, null).kind).toBe("no-earlier-data");
  });

  test("a full period that sold nothing is known as such, and has no percentage", () => {
    const nothing = { value: 0, orders: 0 };
    expect(compare({ value: 10, orders: 90 }, nothing).kind).toBe("nothing-before");
    expect(compare({ value: 10, orders: 3 }, nothing).kind).toBe("nothing-before");
  });
});

describe("buckets", () => {
  const days = Array.from({ length: 100 }, (_, index) => ({
    date: addDays("1997-12-25", index),
    orderCount: 2,
    revenue: "90071992547409.13",
  }));

  test("granularity follows the length", () => {
    expect([1, 30, 92, 93, 366, 546].map(granularityFor)).toEqual([
      "day",
      "day",
      "day",
      "week",
      "week",
      "month",
    ]);
  });

  test.each(["day", "week", "month"] as const)("%s buckets hold every order and every cent", (granularity) => {
    const buckets = groupDays(days, granularity);
    expect(buckets.reduce((total, bucket) => total + bucket.orderCount, 0)).toBe(200);
    expect(sumDecimals(buckets.map((bucket) => bucket.revenue))).toBe("9007199254740913.00");
  });

  test("a month cut by the range says so, a whole one does not", () => {
    const buckets = groupDays(days, "month");
    expect(buckets.map((bucket) => bucket.partial)).toEqual([true, false, false, false, true]);
    expect(bucketName(buckets[1]!, "month")).toBe("Jan 1998");
    expect(bucketName(buckets[0]!, "month")).toBe("Dec 25 – 31, 1997");
    expect(partialNote(buckets[0]!, "month")).toBe("part of the month");
  });

  test("today is marked as not over", () => {
    const [day] = groupDays(days.slice(0, 1), "day", "1997-12-25");
    expect(day?.partial).toBe(true);
    expect(partialNote(day!, "day")).toBe("so far");
  });

  test("the last bucket always has its label, and labels have room", () => {
    expect(tickIndices(30, 300)).toEqual([9, 19, 29]);
    expect(tickIndices(2, 300)).toEqual([0, 1]);
    expect(tickIndices(1, 300)).toEqual([0]);
    expect(tickIndices(350, 1100).length).toBeLessThanOrEqual(15);
  });
});

test("one order is not said in the plural", () => {
  expect([0, 1, 1_200].map(countedOrders)).toEqual(["0 orders", "1 order", "1,200 orders"]);
});
