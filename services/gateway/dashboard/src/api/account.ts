/** The routes behind a user's own account: the password, and where they are signed in. */

import { type Session, client, unwrap, withDeadline } from "./client";
import type { components } from "./schema";

export type OwnSession = components["schemas"]["OwnSession"];
export type PasswordChange = components["schemas"]["PasswordChange"];

/** All other sessions end; the answer is this one, renewed. */
export function changePassword(body: PasswordChange): Promise<Session> {
  return unwrap(client.POST("/api/auth/password", { body, signal: withDeadline() }));
}

export async function readSessions(signal?: AbortSignal): Promise<OwnSession[]> {
  const { sessions } = await unwrap(client.GET("/api/auth/sessions", { signal: withDeadline(signal) }), signal);
  return sessions;
}

export async function endSession(id: string): Promise<void> {
  await unwrap(
    client.DELETE("/api/auth/sessions/{session_id}", {
      params: { path: { session_id: id } },
      signal: withDeadline(),
    }),
  );
}

/** How many ended. */
export async function endOtherSessions(): Promise<number> {
  return (await unwrap(client.DELETE("/api/auth/sessions", { signal: withDeadline() }))).ended;
}
