/** The chart is read by keyboard and says what it shows. */

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test } from "vitest";

import { SalesChart } from "./SalesChart";
import { SalesTable } from "./SalesTable";
import { groupDays } from "./grouping";

const buckets = groupDays(
  [
    { date: "1998-06-28", orderCount: 3, revenue: "100.10" },
    { date: "1998-06-29", orderCount: 0, revenue: "0.00" },
    { date: "1998-06-30", orderCount: 5, revenue: "1234.56" },
  ],
  "day",
);

function Harness() {
  const [active, setActive] = useState<number | null>(null);
  return (
    <SalesChart
      active={active}
      buckets={buckets}
      currency="USD"
      granularity="day"
      onActive={setActive}
      previous={null}
    />
  );
}

afterEach(cleanup);

test("arrow keys walk the days, and the ends hold", () => {
  render(<Harness />);
  const chart = screen.getByTestId("chart-sales");
  const says = () => chart.getAttribute("aria-valuetext");
  expect(says()).toContain("Tue, Jun 30, 1998: $1,234.56, 5 orders");
  fireEvent.keyDown(chart, { key: "ArrowLeft" });
  expect(says()).toContain("Mon, Jun 29, 1998: $0.00, 0 orders");
  fireEvent.keyDown(chart, { key: "Home" });
  fireEvent.keyDown(chart, { key: "ArrowLeft" });
  expect(says()).toContain("Sun, Jun 28, 1998: $100.10, 3 orders");
  fireEvent.keyDown(chart, { key: "End" });
  fireEvent.keyDown(chart, { key: "ArrowRight" });
  expect(says()).toContain("Jun 30, 1998");
});

test("the table shows the same figures, newest first", () => {
  render(<SalesTable buckets={buckets} currency="USD" granularity="day" />);
  const rows = screen.getAllByRole("row").slice(1).map((row) => row.textContent);
  expect(rows[0]).toContain("$1,234.56");
  expect(rows).toHaveLength(3);
});
