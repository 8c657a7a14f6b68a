/** The certificates that the doctor sees. */
import { describe, expect, test } from "bun:test";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Finding } from "../../../src/operations/diagnosis/finding.ts";
import { createAuthority, type Subject, selfSigned } from "../../support/certificates.ts";
import { examine, openWard, states } from "../../support/examine.ts";

const { keep } = openWard();

describe("a certificate", () => {
  const DAY = 86_400_000;

  /** The port of a server that has it, and answers everything with {}. */
  async function serve(subject: Subject, how: "by itself" | "by an authority"): Promise<{ port: number; ca: string }> {
    const authority = createAuthority("The Authority");
    const pair = how === "by itself" ? selfSigned(subject) : authority.issue(subject);
    const server = createServer(pair, (_, outgoing) =>
      outgoing.setHeader("content-type", "application/json").end("{}"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    keep({
      [Symbol.asyncDispose]: () =>
        new Promise<void>((resolve) => {
          server.closeAllConnections();
          server.close(() => resolve());
        }),
    });
    return { port: (server.address() as AddressInfo).port, ca: authority.cert };
  }

  async function certificate(subject: Subject, how: "by itself" | "by an authority"): Promise<Map<string, Finding>> {
    const { port } = await serve({ names: ["127.0.0.1"], commonName: "the registry", ...subject }, how);
    return examine(`127.0.0.1:${port}`, { path: undefined });
  }

  test("that is not known is shown all the same, and nothing is sent there", async () => {
    const found = await certificate({ until: new Date(Date.now() + 90.5 * DAY) }, "by an authority");
    expect(found.get("certificate")).toMatchObject({
      state: "ok",
      said: expect.stringMatching(
        /^of "the registry", issued by "The Authority", valid until \d{4}-\d\d-\d\d \(90 days\)$/,
      ),
    });
    expect(found.get("connection")).toMatchObject({ state: "failed", advice: expect.stringContaining("--ca-file") });
    expect(states(found).at(-1)).toBe("failed connection");
  });

  test("that ends soon, or ended", async () => {
    const soon = await certificate({ until: new Date(Date.now() + 5.5 * DAY) }, "by an authority");
    expect(soon.get("certificate")).toMatchObject({ state: "warning", said: expect.stringContaining("(5 days)") });
    const ended = await certificate(
      { from: new Date(Date.now() - 9 * DAY), until: new Date(Date.now() - DAY) },
      "by itself",
    );
    expect(ended.get("certificate")).toMatchObject({
      state: "warning",
      said: expect.stringContaining('of "the registry", signed by itself, ended on '),
    });
    expect(ended.get("connection")!.state).toBe("failed");
  });

  test("that is trusted", async () => {
    const { port, ca } = await serve({ names: ["127.0.0.1"] }, "by an authority");
    const trust = async () => ({ added: [ca], all: ca, client: undefined });
    const found = await examine(`127.0.0.1:${port}`, {
      path: undefined,
      options: { trust },
      trusted: () => ["TLS trusts a file: 1 certificate, 1 of them new"],
    });
    expect(found.get("trust")!.said).toBe("a file: 1 certificate");
    expect(found.get("connection")!.state).toBe("ok");
    expect(found.get("protocol")!.state).toBe("ok");
  });
});
