/** Where hosts are, however they are spelt. */
import { expect, test } from "bun:test";
import { isLoopback, type Nearness, nearness } from "../../../src/registry/policy/address.ts";

test.each<[string, Nearness]>([
  ["example.com", "public"],
  ["8.8.8.8", "public"],
  ["172.32.0.1", "public"],
  ["[2606:4700::1111]", "public"],
  ["127.1.2.3", "loopback"],
  ["a.localhost", "loopback"],
  ["LOCALHOST.", "loopback"],
  ["[::1]", "loopback"],
  ["0.0.0.0", "loopback"],
  ["[::]", "loopback"],
  ["[::ffff:7f00:1]", "loopback"],
  ["192.168.1.1", "private"],
  ["100.64.0.1", "private"],
  ["[fd00::1]", "private"],
  ["[fec0::1]", "private"],
  ["[64:ff9b:1::808:808]", "private"],
  ["redis", "private"],
  ["vault.internal", "private"],
  ["nas.local", "private"],
  ["169.254.1.1", "link-local"],
  ["[fe80::1]", "link-local"],
  ["fe80::1%eth0", "link-local"],
  ["224.0.0.1", "link-local"],
  ["255.255.255.255", "link-local"],
  ["[ff02::1]", "link-local"],
  ["metadata.google.internal", "link-local"],
  ["Metadata.Google.Internal.", "link-local"],
  ["x.metadata.goog", "link-local"],
  ["100.100.100.200", "link-local"],
  ["168.63.129.16", "link-local"],
  ["192.0.0.192", "link-local"],
  ["[fd00:ec2::254]", "link-local"],
])("%s is %s", (host, expected) => {
  expect(nearness(host)).toBe(expected);
});

test.each<[string, Nearness]>([
  ["2852039166", "link-local"],
  ["0xa9fea9fe", "link-local"],
  ["0251.0376.0251.0376", "link-local"],
  ["169.254.43518", "link-local"],
  ["１６９.254.169.254", "link-local"],
  ["169。254。169。254", "link-local"],
  ["[::ffff:169.254.169.254]", "link-local"],
  ["[::ffff:0:169.254.169.254]", "link-local"],
  ["[::169.254.169.254]", "link-local"],
  ["[64:ff9b::169.254.169.254]", "link-local"],
  ["[2002:a9fe:a9fe::1]", "link-local"],
  ["[2001:0:a9fe:a9fe::1]", "link-local"],
  ["[2001:0:808:808::5601:5601]", "link-local"],
  ["[2606:4700::5efe:a9fe:a9fe]", "link-local"],
  ["127.1", "loopback"],
  ["0x7f.1", "loopback"],
  ["0", "loopback"],
  ["ⓛocalhost", "loopback"],
  ["[2002:7f00:1::]", "loopback"],
  ["167772161", "private"],
  ["[64:ff9b::a00:1]", "private"],
])("%s in a URL is %s", (host, expected) => {
  expect(nearness(new URL(`http://${host}/`).hostname)).toBe(expected);
});

test("plain http is harmless on this machine only", () => {
  expect(["localhost", "127.0.0.1", "[::1]"].map(isLoopback)).toEqual([true, true, true]);
  expect(["0.0.0.0", "[::]", "redis", "10.0.0.1"].map(isLoopback)).toEqual([false, false, false, false]);
});
