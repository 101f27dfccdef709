/** A metric's name; its definition opens on it. */

import { useId, useRef } from "react";

import { METRICS, type Metric } from "../overview/metrics";
import { Info } from "./icons";

const MARGIN = 12;

export function MetricLabel({ metric, className = "" }: { metric: Metric; className?: string }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const { label, definition } = METRICS[metric];

  // The popover sits in the top layer: it is placed by hand, under its tile (never on the
  // figure it explains) and inside the window.
  const place = () => {
    if (!button.current || !panel.current) return;
    const anchor = button.current.getBoundingClientRect();
    const tile = (button.current.closest("li") ?? button.current).getBoundingClientRect();
    const width = Math.min(300, window.innerWidth - 2 * MARGIN);
    const left = Math.min(Math.max(anchor.left, MARGIN), window.innerWidth - width - MARGIN);
    panel.current.style.width = `${width}px`;
    panel.current.style.left = `${left}px`;
    panel.current.style.top = `${tile.bottom + 6}px`;
  };

  return (
    <>
      <button
        className={`-mx-1 inline-flex min-h-6 items-center gap-1.5 rounded-sm px-1 text-left quiet-fade hover:text-ink ${className}`}
        onClick={place}
        popoverTarget={id}
        ref={button}
        type="button"
      >
        {label}
        <Info className="size-3.5 text-ink-3" />
        <span className="sr-only">: how it is counted</span>
      </button>
      <div
        className="fixed m-0 rounded-md border border-line bg-surface p-3.5 text-sm text-ink shadow-[0_8px_28px_rgb(0_0_0/0.16)]"
        id={id}
        popover="auto"
        ref={panel}
      >
        <p className="mb-1 font-semibold">{label}</p>
        <p className="text-ink-2">{definition}</p>
      </div>
    </>
  );
}
