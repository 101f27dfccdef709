import type { ButtonHTMLAttributes } from "react";

const SHAPE =
  "inline-flex items-center justify-center gap-2 rounded-md px-3.5 font-medium whitespace-nowrap quiet-fade " +
  "h-11 sm:h-9 disabled:cursor-not-allowed";

export const buttonStyles = {
  primary: `${SHAPE} bg-accent text-on-accent hover:bg-accent-strong disabled:bg-surface-2 disabled:text-ink-3`,
  secondary: `${SHAPE} border border-control bg-surface text-ink hover:bg-surface-2 disabled:text-ink-3`,
  danger: `${SHAPE} border border-bad bg-surface text-bad hover:bg-bad-soft disabled:border-control disabled:text-ink-3`,
};

type Props = ButtonHTMLAttributes<HTMLButtonElement> & { look?: keyof typeof buttonStyles };

export function Button({ look = "secondary", className = "", type = "button", ...rest }: Props) {
  return <button className={`${buttonStyles[look]} ${className}`} type={type} {...rest} />;
}
