/** What the environment says of a run, in the words of Hangar and image-tools too. */
import { homedir } from "node:os";
import { AppError } from "../errors.ts";
import { parsePrefix, type RegistryPrefix } from "../oci/reference.ts";

/** Flag before `SOURCE_REGISTRY`; undefined leaves the registries as the list has them. */
export function sourceRegistry(flag: string | undefined): RegistryPrefix | undefined {
  const value = flag || process.env.SOURCE_REGISTRY;
  return value ? parsePrefix(value) : undefined;
}

/** Flag before `DEST_REGISTRY` before `DOCKER_REGISTRY`; undefined where nobody says. */
export function destinationRegistry(flag: string | undefined): RegistryPrefix | undefined {
  const value = flag || process.env.DEST_REGISTRY || process.env.DOCKER_REGISTRY;
  return value ? parsePrefix(value) : undefined;
}

/** The user's folder: HOME, else what the system has for the user. */
export function homeOf({ HOME }: Readonly<Record<string, string | undefined>>): string {
  return HOME || homedir();
}

/** The time that lists and archives carry: `SOURCE_DATE_EPOCH` in seconds, else now. Throws USAGE. */
export function savedTime(): Date {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  if (!epoch) return new Date();
  const time = new Date(Number(epoch) * 1000);
  if (!/^\d+$/.test(epoch) || Number.isNaN(time.getTime()))
    throw new AppError("USAGE", `Cannot use SOURCE_DATE_EPOCH "${epoch}": it is not a number of seconds`);
  return time;
}
