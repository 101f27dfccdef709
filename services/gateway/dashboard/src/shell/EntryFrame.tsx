/** The frame of the pages before the figures: sign in, connect, welcome. */

import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { Logo } from "../ui/Logo";

type Props = { children: ReactNode; wide?: boolean; footer?: ReactNode };

export function EntryFrame({ children, wide = false, footer }: Props) {
  return (
    <div className="flex min-h-dvh flex-col items-center px-4 pt-10 pb-12 sm:pt-[12vh]">
      <div className={`w-full ${wide ? "max-w-[560px]" : "max-w-[400px]"}`}>
        <header>
          <Link className="mb-8 inline-flex rounded-sm" to="/">
            <Logo />
          </Link>
        </header>
        <main className="rounded-lg border border-line bg-surface p-6 sm:p-8">{children}</main>
        {footer && <footer className="mt-5 text-sm text-ink-2">{footer}</footer>}
      </div>
    </div>
  );
}
