import { useEffect, useState } from "react";

import { ApiError } from "../api/errors";

const TICK_MS = 250;

/** Seconds until a refused form may be sent again; 0 when it may. `onEnd` is called when they are over. */
export function usePause(error: Error | null, onEnd: () => void): number {
  const seconds = error instanceof ApiError && error.status === 429 ? error.retryAfter : null;
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (seconds === null) {
      setLeft(0);
      return;
    }
    const until = Date.now() + seconds * 1000;
    const tick = () => {
      const rest = Math.ceil((until - Date.now()) / 1000);
      setLeft(Math.max(0, rest));
      if (rest <= 0) {
        clearInterval(timer);
        onEnd();
      }
    };
    const timer = setInterval(tick, TICK_MS);
    setLeft(seconds);
    return () => clearInterval(timer);
    // A new error begins a new pause, even one of as many seconds.
  }, [error, seconds]);
  return left;
}

/** For a button that waits: "Try again in 0:29". */
export function pauseInWords(seconds: number): string {
  return `Try again in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
