/** When an exchange may begin: its host has a place for it, no pause, and enough distance from the request before. */
import { type Exchange, isStreamed, type Transport } from "../wire/exchange.ts";
import { isPassing } from "../wire/passing.ts";
import { afterReading, idleReading } from "../wire/reading.ts";
import type { Slots } from "./slots.ts";
import type { Host, Traffic } from "./traffic.ts";

/**
 * Holds an exchange back until its host is ready, and keeps its place there until the answer is a refusal or its body is
 * read or cancelled. A reader that is busy elsewhere lends its place to those who wait: it may be busy with one of them.
 * Places are taken among `slots`; default: those for uploads, for downloads, or for all else.
 */
export function withTurns(
  next: Transport,
  traffic: Traffic,
  slots: (host: Host) => Slots | undefined = none,
): Transport {
  return async (url, exchange) => {
    const host = traffic.at(new URL(url).host);
    if (exchange.trail) exchange.trail.host = host.name;
    const places = slots(host) ?? slotsFor(exchange, host);
    const place = await places.take(exchange.signal);
    try {
      await ready(host, exchange);
      const response = await next(url, exchange);
      host.standing(exchange).answered(!isPassing(response.status) && response.status !== 401);
      if (response.ok) {
        place.lend(idleReading(response));
        afterReading(response, place.leave);
      } else place.leave();
      return response;
    } catch (error) {
      place.leave();
      throw error;
    }
  };
}

function slotsFor(exchange: Exchange, { uploads, downloads, requests }: Host): Slots {
  if (isStreamed(exchange)) return uploads;
  return exchange.bulk ? downloads : requests;
}

/** A pause may begin while the pace is kept, so both are looked at until neither holds. */
async function ready({ pauses, pace }: Host, { signal }: Exchange): Promise<void> {
  do {
    if (pauses.isOn) await pauses.over(signal);
    await pace?.(signal);
  } while (pauses.isOn);
}

function none(): undefined {}
