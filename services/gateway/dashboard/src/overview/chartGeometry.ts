/** Where things go in the plot. Floats are fine here: pixels only. */

import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";

export const MARGIN = { top: 10, right: 8, bottom: 28 };

const LABEL_GAP = 10;
/** Wide enough for any figure of the axis type at 12 px. */
const CHARACTER = 7.2;

export type Geometry = {
  width: number;
  height: number;
  left: number;
  x: (index: number) => number;
  y: (value: number) => number;
  yTicks: number[];
  xTicks: number[];
};

const ROOM_FOR_LABEL = 72;

/** Counted from the last point, which always has its label. */
export function tickIndices(count: number, plotWidth: number): number[] {
  if (count === 0) return [];
  const room = Math.max(2, Math.floor(plotWidth / ROOM_FOR_LABEL));
  const step = Math.max(1, Math.ceil((count - 1) / (room - 1)));
  const indices: number[] = [];
  for (let index = count - 1; index >= 0; index -= step) indices.unshift(index);
  return indices;
}

export function geometry(
  size: { width: number; height: number },
  count: number,
  most: number,
  label: (value: number) => string,
): Geometry {
  const { width, height } = size;
  const vertical = scaleLinear()
    .domain([0, most > 0 ? most : 1])
    .range([height - MARGIN.bottom, MARGIN.top])
    .nice(4);
  const yTicks = most > 0 ? vertical.ticks(4) : [0];
  const longest = Math.max(...yTicks.map((tick) => label(tick).length));
  const left = Math.ceil(longest * CHARACTER) + LABEL_GAP;
  const plotWidth = Math.max(1, width - left - MARGIN.right);
  const x = (index: number) =>
    left + (count > 1 ? (index / (count - 1)) * plotWidth : plotWidth / 2);
  return {
    width,
    height,
    left,
    x,
    y: (value) => vertical(value),
    yTicks,
    xTicks: tickIndices(count, plotWidth),
  };
}

type Point = [index: number, value: number];

export function linePath({ x, y }: Geometry, points: readonly Point[]): string {
  const draw = line<Point>((point) => x(point[0]), (point) => y(point[1]));
  return draw(points as Point[]) ?? "";
}

export function areaPath({ x, y }: Geometry, points: readonly Point[]): string {
  const draw = area<Point>((point) => x(point[0]), y(0), (point) => y(point[1]));
  return draw(points as Point[]) ?? "";
}

export function nearestIndex({ width, left }: Geometry, count: number, pixel: number): number {
  if (count < 2) return 0;
  const plotWidth = width - left - MARGIN.right;
  const at = Math.round(((pixel - left) / plotWidth) * (count - 1));
  return Math.min(Math.max(at, 0), count - 1);
}
