/** The Authorization header of a name with a password. RFC 7617. */
import { AppError } from "../../errors.ts";
import type { Login } from "../credentials/credential.ts";

/** Throws USAGE for a name that the scheme cannot carry. */
export function basicHeader({ credential: { username, password }, origin }: Login): string {
  if (/[:\u0000-\u001f\u007f]/.test(username) || /[\u0000-\u001f\u007f]/.test(password))
    throw new AppError("USAGE", `Cannot use the credentials from ${origin}: a colon or a control character is in them`);
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
