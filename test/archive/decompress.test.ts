/** Decompression of what others compressed. */
import { join } from "node:path";
import { testOnBoth } from "../support/both-runtimes.ts";
import { cases } from "./decompress-cases.ts";

testOnBoth(cases, join(import.meta.dirname, "decompress-cases.ts"));
