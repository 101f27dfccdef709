/** Sales over time: the line, the period before it, and a pointer moved by mouse, touch or arrow keys. */

import { type KeyboardEvent, type PointerEvent, useLayoutEffect, useRef, useState } from "react";

import { formatMoneyCompact } from "../format/numbers";
import { type Geometry, MARGIN, areaPath, geometry, linePath, nearestIndex } from "./chartGeometry";
import type { Bucket, Granularity } from "./grouping";
import { axisLabel, spoken } from "./labels";

export type SalesChartProps = {
  buckets: Bucket[];
  previous: Bucket[] | null;
  granularity: Granularity;
  currency: string | null;
  active: number | null;
  onActive: (index: number | null) => void;
};

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!box.current) return;
    const watch = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    setWidth(box.current.clientWidth);
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return { box, width };
}

function nextIndex(key: string, active: number, count: number): number | null {
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return Math.max(0, active - 1);
    case "ArrowRight":
    case "ArrowUp":
      return Math.min(count - 1, active + 1);
    case "PageDown":
      return Math.max(0, active - 7);
    case "PageUp":
      return Math.min(count - 1, active + 7);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

export function SalesChart(props: SalesChartProps) {
  const { buckets, granularity, currency, active, onActive } = props;
  const { box, width } = useWidth();
  const height = width > 0 && width < 520 ? 220 : 280;
  const last = buckets.length - 1;
  const current = buckets[active ?? last];

  const onKeyDown = (event: KeyboardEvent) => {
    const next = nextIndex(event.key, active ?? last, buckets.length);
    if (next === null) return;
    event.preventDefault();
    onActive(next);
  };
  const shape = shapeOf(props, { width, height });
  const onPointer = (event: PointerEvent) => {
    const { left } = event.currentTarget.getBoundingClientRect();
    onActive(nearestIndex(shape, buckets.length, event.clientX - left));
  };

  return (
    <div
      aria-label={`Sales by ${granularity}. Use the arrow keys to read it.`}
      aria-orientation="horizontal"
      aria-valuemax={last}
      aria-valuemin={0}
      aria-valuenow={active ?? last}
      aria-valuetext={current && spoken(current, granularity, currency)}
      className="rounded-md"
      data-testid="chart-sales"
      onBlur={() => onActive(null)}
      onKeyDown={onKeyDown}
      onPointerDown={onPointer}
      onPointerLeave={() => onActive(null)}
      onPointerMove={onPointer}
      ref={box}
      role="slider"
      style={{ height, touchAction: "pan-y" }}
      tabIndex={0}
    >
      {width > 0 && <Plot {...props} shape={shape} />}
    </div>
  );
}

function drawn(buckets: Bucket[] | null): number[] {
  return buckets?.map((bucket) => Number(bucket.revenue)) ?? [];
}

function shapeOf(
  { buckets, previous, currency }: SalesChartProps,
  size: { width: number; height: number },
): Geometry {
  const most = Math.max(0, ...drawn(buckets), ...drawn(previous));
  return geometry(size, buckets.length, most, (value) => formatMoneyCompact(value, currency));
}

function Plot(props: SalesChartProps & { shape: Geometry }) {
  const { buckets, previous, granularity, currency, active, shape } = props;
  const { width, height } = shape;
  const values = drawn(buckets);
  const before = drawn(previous);
  return (
    <svg aria-hidden="true" className="block overflow-visible" height={height} width={width}>
      {shape.yTicks.map((tick) => (
        <g key={tick} transform={`translate(0 ${shape.y(tick)})`}>
          <line className="stroke-line" x1={shape.left} x2={width - MARGIN.right} />
          <text
            className="fill-ink-3 figures text-xs"
            dominantBaseline="central"
            textAnchor="end"
            x={shape.left - 10}
          >
            {formatMoneyCompact(tick, currency)}
          </text>
        </g>
      ))}
      {shape.xTicks.map((index) => (
        <text
          className="fill-ink-3 figures text-xs"
          key={index}
          textAnchor={index === buckets.length - 1 && index > 0 ? "end" : index === 0 ? "start" : "middle"}
          x={shape.x(index) + (index === buckets.length - 1 && index > 0 ? MARGIN.right : 0)}
          y={height - 6}
        >
          {axisLabel(buckets[index]!, granularity)}
        </text>
      ))}
      <path className="fill-accent" d={areaPath(shape, points(values))} opacity="0.07" />
      {before.length > 0 && (
        <path
          className="stroke-previous"
          d={linePath(shape, points(before))}
          fill="none"
          strokeDasharray="4 3"
          strokeWidth="1.5"
        />
      )}
      <CurrentLine buckets={buckets} shape={shape} values={values} />
      {active !== null && values[active] !== undefined && (
        <g>
          <line
            className="stroke-control"
            x1={shape.x(active)}
            x2={shape.x(active)}
            y1={MARGIN.top}
            y2={height - MARGIN.bottom}
          />
          <circle
            className="fill-accent stroke-surface"
            cx={shape.x(active)}
            cy={shape.y(values[active])}
            r="4.5"
            strokeWidth="2"
          />
        </g>
      )}
    </svg>
  );
}

function points(values: readonly number[], offset = 0): [number, number][] {
  return values.map((value, index) => [index + offset, value]);
}

/** Solid where buckets are whole, dotted towards a first or last one that is not. */
function CurrentLine(props: {
  buckets: Bucket[];
  values: number[];
  shape: Geometry;
}) {
  const { buckets, values, shape } = props;
  const last = values.length - 1;
  if (last === 0) {
    return <circle className="fill-accent" cx={shape.x(0)} cy={shape.y(values[0] ?? 0)} r="4" />;
  }
  const start = buckets[0]?.partial ? 1 : 0;
  const end = buckets[last]?.partial ? last - 1 : last;
  const stroke = { className: "stroke-accent", fill: "none", strokeWidth: 2.25 };
  const solid = values.slice(start, end + 1);
  return (
    <g strokeLinejoin="round">
      {solid.length > 1 && <path {...stroke} d={linePath(shape, points(solid, start))} />}
      {start > 0 && (
        <path {...stroke} d={linePath(shape, points(values.slice(0, 2)))} strokeDasharray="2 4" />
      )}
      {end < last && (
        <path {...stroke} d={linePath(shape, points(values.slice(end), end))} strokeDasharray="2 4" />
      )}
    </g>
  );
}
