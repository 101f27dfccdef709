/** What went wrong in a pull, and with what; all else of the pull went on. */

import type { PullStatus } from "../api/client";

type Props = { errors: PullStatus["errors"]; className: string };

export function PullErrors({ errors, className }: Props) {
  return (
    <ul className={className}>
      {errors.map(({ entity, code, message }) => (
        <li key={`${entity}${code}${message}`}>
          {entity && (
            <>
              <span className="font-medium capitalize">{entity.replaceAll("_", " ")}:</span>{" "}
            </>
          )}
          {message} <code className="font-mono text-xs text-ink-2">{code}</code>
        </li>
      ))}
    </ul>
  );
}
