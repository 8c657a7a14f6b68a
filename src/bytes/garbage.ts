/** Collects garbage before there is much of it: left alone, JavaScriptCore lets the process double, by what the machine has. */

/** Bytes of documents after which it is time: in memory each leaves several times as much. */
const MUCH: number = 12 << 20;

interface Runtime {
  gc(force: boolean): void;
}

/** What reading the smallest one leaves. */
const EACH: number = 4 << 10;

let read = 0;

/** To be told of documents that were read as a whole. */
export function countRead(bytes: number): void {
  read += bytes + EACH;
  if (read < MUCH) return;
  read = 0;
  collectGarbage();
}

/** At once, where the runtime can be asked for it. Takes a tenth of a second for every million of things that are held. */
export function collectGarbage(): void {
  runtime()?.gc(true);
}

/** Whether the runtime can be asked for it. */
export function canCollect(): boolean {
  return runtime() !== undefined;
}

function runtime(): Runtime | undefined {
  return (globalThis as { Bun?: Runtime }).Bun;
}
