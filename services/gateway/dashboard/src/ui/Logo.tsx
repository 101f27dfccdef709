/** The mark: a till's drawer line with the stream that leaves it. */

export function Mark({ className = "size-7" }: { className?: string }) {
  return (
    <svg aria-hidden="true" className={className} viewBox="0 0 32 32">
      <rect className="fill-accent" height="32" rx="8" width="32" />
      <g
        className="stroke-on-accent"
        fill="none"
        strokeLinecap="round"
        strokeLinejoin="round"
        strokeWidth="3"
      >
        <path d="M7 10.5h18" />
        <path d="M16 10.5v6.2c0 3.4 2.3 5.6 5.6 5.6H25" />
        <path d="M7 22.3h3.2" opacity="0.55" />
      </g>
    </svg>
  );
}

export function Logo() {
  return (
    <span className="inline-flex items-center gap-2.5">
      <Mark />
      <span className="text-lg font-semibold tracking-[-0.01em]">Tillstream</span>
    </span>
  );
}
