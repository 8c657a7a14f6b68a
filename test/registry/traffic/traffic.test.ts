/** Many exchanges at once with hosts that misbehave by a seed: what must hold whatever happens. */
import { expect, test } from "bun:test";
import type { ByteStream, Bytes } from "../../../src/bytes/stream.ts";
import { withRetry } from "../../../src/registry/traffic/retry.ts";
import { createTraffic, type Traffic } from "../../../src/registry/traffic/traffic.ts";
import { withTurns } from "../../../src/registry/traffic/turn.ts";
import { drain } from "../../../src/registry/wire/drain.ts";
import { type Exchange, isStreamed, type Transport, type Upload } from "../../../src/registry/wire/exchange.ts";
import { bodyOf, cancelBody } from "../../../src/registry/wire/reading.ts";
import { withRefusals } from "../../../src/registry/wire/refusal.ts";
import { withStall } from "../../../src/registry/wire/stall.ts";
import { randomBytes } from "../../support/random-image.ts";

const HOSTS = ["a.example", "b.example", "c.example:5000"];
const PER_HOST = 3;
const EXCHANGES = 200;
const POLICY = { attempts: 5, delay: 2, maximum: 8 };

/** Numbers from 0 to 1, the same ones for the same seed. */
function dice(seed: number): () => number {
  const bytes = randomBytes(seed, 40_000);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  return () => view.getUint32((at = (at + 4) % 40_000), true) / 2 ** 32;
}

interface Watched {
  readonly transport: Transport;
  /** The most that were in flight at a host in a direction, where that was ever more than one. */
  readonly most: Map<string, number>;
  readonly flying: Map<string, number>;
  /** Requests that were sent to a host during its pause. */
  hasty: number;
  requests: number;
}

/** Hosts on which every fifth request fails, in one way or another; they tell what they see of the client. */
function misbehaving(roll: () => number, traffic: Traffic): Watched {
  const most = new Map<string, number>();
  const flying = new Map<string, number>();
  function fly(key: string, change: 1 | -1): void {
    const now = (flying.get(key) ?? 0) + change;
    flying.set(key, now);
    most.set(key, Math.max(most.get(key) ?? 0, now));
  }
  const watched: Watched = {
    most,
    flying,
    hasty: 0,
    requests: 0,
    async transport(url, exchange) {
      const { host } = new URL(url);
      const key = `${host} ${isStreamed(exchange) ? "up" : "down"}`;
      watched.requests++;
      if (traffic.at(host).pauses.isOn) watched.hasty++;
      fly(key, 1);
      let isOver = false;
      function land(): void {
        if (!isOver) fly(key, -1);
        isOver = true;
      }
      try {
        await Bun.sleep(roll() * 3);
        exchange.signal?.throwIfAborted();
        const response = await answer(roll, exchange, land);
        if (!response.body || !response.ok) land();
        return response;
      } catch (error) {
        land();
        throw error;
      }
    },
  };
  return watched;
}

async function answer(roll: () => number, { upload, signal }: Exchange, land: () => void): Promise<Response> {
  const fate = roll();
  if (fate < 0.05) return new Response("slow down", { status: 429, headers: { "retry-after": String(roll() / 50) } });
  if (fate < 0.1) return new Response("busy", { status: 503 });
  if (fate < 0.13) return new Response("oops", { status: 500 });
  if (fate < 0.16) throw Object.assign(new TypeError("reset"), { code: "ECONNRESET" });
  if (fate < 0.18) throw Object.assign(new TypeError("refused"), { code: "ECONNREFUSED" });
  if (upload) for await (const _ of (upload as Upload).open()) await Bun.sleep(0);
  if (upload || roll() < 0.3) return new Response(null, { status: 201 });
  return new Response(chunks(roll, signal, land));
}

function chunks(roll: () => number, signal: AbortSignal | undefined, land: () => void): ReadableStream<Bytes> {
  let left = Math.floor(roll() * 6);
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        await Bun.sleep(roll() * 2);
        if (signal?.aborted || roll() < 0.04) {
          land();
          controller.error(new Error("cut"));
        } else if (left-- > 0) controller.enqueue(new Uint8Array(100));
        else {
          land();
          controller.close();
        }
      },
      cancel: land,
    },
    { highWaterMark: 0 },
  );
}

test.each([1, 2, 3])(
  "seed %d: no host is crowded or asked in its pause, all ends, nothing is left behind",
  async (seed) => {
    const roll = dice(seed);
    const traffic = createTraffic({ perHost: PER_HOST });
    const watched = misbehaving(roll, traffic);
    const inTurn = withTurns(withRefusals(withStall(watched.transport, 10_000)), traffic);
    const send = withRetry(inTurn, POLICY, { traffic });
    const pick = (): string => `https://${HOSTS[Math.floor(roll() * HOSTS.length)]}/`;

    /** As a mirror has it: what goes up comes down at the same time, perhaps from the same host. */
    async function* source(signal: AbortSignal): ByteStream {
      yield* bodyOf(await send(pick(), { method: "GET", headers: {}, signal }));
    }
    async function one(): Promise<"done" | "failed"> {
      const control = new AbortController();
      const { signal } = control;
      const timer = roll() < 0.1 ? setTimeout(() => control.abort(new Error("enough")), roll() * 30) : undefined;
      const isUpload = roll() < 0.4;
      try {
        const upload = isUpload ? { length: 100, open: () => source(signal) } : undefined;
        const response = await send(pick(), { method: isUpload ? "PUT" : "GET", headers: {}, upload, signal });
        const end = roll();
        if (end < 0.1) await cancelBody(response);
        else if (end < 0.3) await drain(response);
        else if (end < 0.4) for await (const _ of bodyOf(response)) break;
        else for await (const _ of bodyOf(response)) await Bun.sleep(0);
        return response.ok ? "done" : "failed";
      } catch {
        return "failed";
      } finally {
        clearTimeout(timer);
      }
    }
    const results = await Promise.all(Array.from({ length: EXCHANGES }, one));

    expect(results).toHaveLength(EXCHANGES);
    expect(results.filter((result) => result === "done").length).toBeGreaterThan(EXCHANGES / 2);
    expect(watched.requests).toBeGreaterThan(EXCHANGES);
    expect(watched.hasty).toBe(0);
    expect(Math.max(...watched.most.values())).toBe(PER_HOST);
    expect([...watched.flying.values()].every((count) => count === 0)).toBe(true);
    for (const host of HOSTS) {
      const { requests, uploads, downloads } = traffic.at(host);
      expect([requests.taken, uploads.taken, downloads.taken]).toEqual([0, 0, 0]);
    }
  },
);
