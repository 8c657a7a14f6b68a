/** How far a run is: overall bytes, rate, time left and the blobs in flight on a terminal, a line now and then elsewhere. */
import { formatSize } from "../bytes/size.ts";
import type { Event } from "../events.ts";
import { type Digest, shortDigest } from "../oci/digest.ts";
import type { Log } from "./log.ts";
import type { Terminal } from "./terminal.ts";

export interface Progress {
  take(event: Event): void;
  /** Takes the status off the terminal. */
  end(): void;
}

const REDRAW = 120;
const REPORT = 15_000;
/** Columns of the bar, and those that it has at least. */
const BAR = 30;
const SHORTEST = 5;
/** Blobs that have a line of their own. */
const SHOWN = 8;

interface Flight {
  readonly size: number;
  bytes: number;
}

/**
 * `images` is how many the list has; undefined where bytes are `checked`, and nothing else. Draws at most eight times a second;
 * without a terminal tells every 15 seconds.
 */
export function startProgress(terminal: Terminal, log: Log, images?: number): Progress {
  const flights = new Map<Digest, Flight>();
  const started = performance.now();
  let settled = 0;
  let total = 0;
  let landed = 0;
  let lost = 0;
  let copied = 0;
  let archived = 0;
  let lastDraw = 0;
  const timer = setInterval(terminal.isTTY ? draw : report, terminal.isTTY ? REDRAW : REPORT);
  timer.unref?.();

  function arrived(): number {
    let bytes = landed;
    for (const flight of flights.values()) bytes += Math.min(flight.bytes, flight.size);
    return bytes;
  }
  function overall(): string {
    const seconds = (performance.now() - started) / 1000;
    const rate = copied / Math.max(seconds, 0.001);
    const left = Math.max(0, total - lost - arrived());
    const eta = left > 0 && rate > 0 ? `, ${formatDuration(left / rate)} left` : "";
    const archive = archived > 0 ? `, ${formatSize(archived)} archived` : "";
    const head = images === undefined ? "checked" : `${settled}/${images} images,`;
    return `${head} ${formatSize(arrived())} of ${formatSize(total)}, ${formatSize(rate)}/s${archive}${eta}`;
  }
  function report(): void {
    log.info(overall());
  }
  function draw(): void {
    lastDraw = performance.now();
    const lines = [...flights]
      .slice(0, SHOWN)
      .map(
        ([digest, { bytes, size }]) =>
          `  ${shortDigest(digest)} ${bar(bytes / Math.max(size, 1), 24)} ${formatSize(bytes)} of ${formatSize(size)}`,
      );
    const hidden = flights.size > SHOWN ? [`  and ${flights.size - SHOWN} more`] : [];
    const told = overall();
    // The numbers come first: a narrow terminal has a short bar, or none.
    const room = Math.min(BAR, terminal.width - told.length - 2);
    const first = room < SHORTEST ? told : `${bar(total === 0 ? 0 : arrived() / total, room)} ${told}`;
    terminal.status([first, ...lines, ...hidden].map((line) => line.slice(0, terminal.width - 1)));
  }
  return {
    take(event) {
      if (event.type === "planned") total += event.bytes;
      else if (event.type === "image") settled++;
      else if (event.type === "archived") archived = event.bytes;
      else if (event.type === "checked") {
        total = event.total;
        landed = event.bytes;
        copied = event.bytes;
      } else if (event.type === "moving") {
        const flight = flights.get(event.descriptor.digest) ?? { size: event.descriptor.size, bytes: 0 };
        flight.bytes += event.bytes;
        copied += event.bytes;
        flights.set(event.descriptor.digest, flight);
      } else if (event.type === "moved" || event.type === "lost") {
        flights.delete(event.descriptor.digest);
        if (event.type === "lost") lost += event.descriptor.size;
        else landed += event.descriptor.size;
      } else return;
      if (terminal.isTTY && performance.now() - lastDraw > REDRAW) draw();
    },
    end() {
      clearInterval(timer);
      terminal.status([]);
    },
  };
}

function bar(part: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, part)) * width);
  return `${"█".repeat(full)}${"░".repeat(width - full)}`;
}

/** `1h02m`, `3m20s`, `12s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (h > 0) return `${h}h${String(m).padStart(2, "0")}m`;
  return m > 0 ? `${m}m${String(s).padStart(2, "0")}s` : `${s}s`;
}
