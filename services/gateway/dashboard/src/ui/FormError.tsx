/** Why a form was not accepted. */

import { ApiError } from "../api/errors";
import { Notice } from "./Notice";
import { RequestId } from "./RequestId";

export function FormError({ error }: { error: Error | null }) {
  if (!error) return null;
  const ours = error instanceof ApiError ? error : null;
  // A mistyped password needs no request id; a failure does.
  const failure = ours !== null && (ours.status === 0 || ours.status >= 500);
  return (
    <Notice look="bad" role="alert">
      <p>{error.message}</p>
      {failure && <RequestId id={ours.requestId} />}
    </Notice>
  );
}
