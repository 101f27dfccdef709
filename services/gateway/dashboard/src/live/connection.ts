/**
 * One stream of live events, open only while the page is seen. The browser's own reconnecting gives
 * up on an HTTP error and never backs off, so a broken stream is closed and opened again here.
 */

export type LiveState = "connecting" | "live" | "delayed" | "offline";

type Listener = (event: MessageEvent<string>) => void;

export interface EventStream {
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
  addEventListener(type: string, listener: Listener): void;
  close(): void;
}

export interface LiveOptions {
  onState: (state: LiveState) => void;
  onOpen: () => void;
  onEvent: (type: "summary" | "pull", data: unknown) => void;
  open?: () => EventStream;
  random?: () => number;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

export function backoff(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return ceiling / 2 + (ceiling / 2) * random();
}

export class LiveConnection {
  private stream: EventStream | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private lastEventAt = 0;
  private readonly options: LiveOptions;

  constructor(options: LiveOptions) {
    this.options = options;
  }

  start(): () => void {
    document.addEventListener("visibilitychange", this.followVisibility);
    window.addEventListener("online", this.reopenNow);
    window.addEventListener("offline", this.goOffline);
    this.followVisibility();
    return () => {
      document.removeEventListener("visibilitychange", this.followVisibility);
      window.removeEventListener("online", this.reopenNow);
      window.removeEventListener("offline", this.goOffline);
      this.close();
    };
  }

  /** For a stream that is open and silent although the data moved on: it is probably dead. */
  reopenIfSilentFor(milliseconds: number): void {
    if (this.stream && Date.now() - this.lastEventAt >= milliseconds) this.reopenNow();
  }

  private readonly followVisibility = (): void => {
    if (document.visibilityState === "hidden") this.close();
    else if (!this.stream) this.reopenNow();
  };

  private readonly goOffline = (): void => {
    this.close();
    this.options.onState("offline");
  };

  private readonly reopenNow = (): void => {
    this.attempt = 0;
    this.close();
    if (document.visibilityState !== "hidden") this.open();
  };

  private open(): void {
    const stream = (this.options.open ?? (() => new EventSource("/api/live") as EventStream))();
    this.stream = stream;
    if (this.attempt === 0) this.options.onState("connecting");
    stream.onopen = () => {
      this.attempt = 0;
      this.lastEventAt = Date.now();
      this.options.onState("live");
      this.options.onOpen();
    };
    stream.onerror = () => this.retryLater();
    stream.addEventListener("summary", (event) => this.receive("summary", event));
    stream.addEventListener("pull", (event) => this.receive("pull", event));
  }

  private receive(type: "summary" | "pull", event: MessageEvent<string>): void {
    this.lastEventAt = Date.now();
    let data: unknown;
    try {
      data = JSON.parse(event.data);
    } catch (error) {
      if (error instanceof SyntaxError) return;
      throw error;
    }
    this.options.onEvent(type, data);
  }

  private retryLater(): void {
    this.close();
    this.options.onState(navigator.onLine === false ? "offline" : "delayed");
    this.timer = setTimeout(() => this.open(), backoff(this.attempt, this.options.random));
    this.attempt += 1;
  }

  private close(): void {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
  }
}
