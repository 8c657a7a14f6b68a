/** Looks after the memory of the process. */
import { canCollect, collectGarbage } from "../bytes/garbage.ts";

/** How often, in milliseconds. */
const EVERY = 50;

/** Bytes of memory that nobody minds. */
const FREE: number = 180e6;

/** Bytes by which it grows until it is worth to collect garbage again. */
const GROWTH: number = 12e6;

/** From now on garbage is collected whenever the process has grown by so much, where the runtime can be asked. What is returned ends that. */
export function watchMemory(): () => void {
  if (!canCollect()) return () => {};
  let next = FREE;
  function look(): void {
    if (process.memoryUsage.rss() < next) return;
    collectGarbage();
    next = Math.max(FREE, process.memoryUsage.rss() + GROWTH);
  }
  const timer = setInterval(look, EVERY).unref();
  return () => clearInterval(timer);
}
