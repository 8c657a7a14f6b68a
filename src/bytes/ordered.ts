export { type OrderedOptions, ordered } from "./pool.ts";
