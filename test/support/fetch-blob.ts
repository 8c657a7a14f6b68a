/** A process of its own that brings the large blob into a cache folder: `fetch-blob.ts HOST FOLDER`. */
import { openCache } from "../../src/layout/cache.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import { LARGE } from "./large-blob.ts";

const [host = "", folder = ""] = process.argv.slice(2);
await using cache = await openCache(folder);
await cache.repository("a").put(openRegistry(host).repository("a").get(LARGE));
