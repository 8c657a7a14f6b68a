/** What a request is authorized with, and whose it is. Distribution token authentication; RFC 7617. */
import type { Identity } from "./identity.ts";
import type { HeldToken } from "./tokens.ts";

export interface Grant {
  readonly header: string;
  /** Whose it is; undefined is nobody's. */
  readonly identity: Identity | undefined;
  /** Absent where the credential itself is sent: by Basic, or a token that the user has. */
  readonly token?: HeldToken;
  /** Made for this very request: another one would be no better. */
  readonly isFresh: boolean;
  /** Why the user's credentials were not shown to the token server, and what would change that. */
  readonly keptBack?: { readonly reason: string; readonly hint: string };
}
