/** Line icons, 16 px grid, drawn for this product. All decorative: the text beside them speaks. */

import type { ReactNode } from "react";

function Icon({ children, className = "size-4" }: { children: ReactNode; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      className={`${className} shrink-0`}
      fill="none"
      stroke="currentColor"
      strokeLinecap="round"
      strokeLinejoin="round"
      strokeWidth={1.6}
      viewBox="0 0 16 16"
    >
      {children}
    </svg>
  );
}

type Props = { className?: string };

export const ArrowUp = (props: Props) => (
  <Icon {...props}>
    <path d="M8 13V3.5M4 7l4-4 4 4" />
  </Icon>
);

export const ArrowDown = (props: Props) => (
  <Icon {...props}>
    <path d="M8 3v9.5M4 9l4 4 4-4" />
  </Icon>
);

export const ArrowRight = (props: Props) => (
  <Icon {...props}>
    <path d="M3 8h9.5M9 4l4 4-4 4" />
  </Icon>
);

export const Check = (props: Props) => (
  <Icon {...props}>
    <path d="m3 8.5 3.2 3.2L13 4.8" />
  </Icon>
);

export const Info = (props: Props) => (
  <Icon {...props}>
    <circle cx="8" cy="8" r="6" />
    <path d="M8 7.3v3.5M8 5.1v.1" />
  </Icon>
);

export const Warning = (props: Props) => (
  <Icon {...props}>
    <path d="M8 2.2 14.2 13H1.8zM8 6.5v3M8 11.2v.1" />
  </Icon>
);

export const Pause = (props: Props) => (
  <Icon {...props}>
    <path d="M5.5 3.5v9M10.5 3.5v9" />
  </Icon>
);

export const Copy = (props: Props) => (
  <Icon {...props}>
    <rect height="8" rx="1.5" width="8" x="5.5" y="5.5" />
    <path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" />
  </Icon>
);

export const LogOut = (props: Props) => (
  <Icon {...props}>
    <path d="M6.5 2.5h-3a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h3M10.5 11l3-3-3-3M13.2 8H6.5" />
  </Icon>
);

export const Lock = (props: Props) => (
  <Icon {...props}>
    <rect height="6.5" rx="1.3" width="10" x="3" y="7" />
    <path d="M5.3 7V5a2.7 2.7 0 0 1 5.4 0v2" />
  </Icon>
);
