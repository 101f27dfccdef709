/** Why signing in was refused. A shop that is to be deleted can still be kept: this says how. */

import { Link } from "@tanstack/react-router";

import { ApiError } from "../api/errors";
import { deadlineInWords } from "../deletion/scheduled";
import { buttonStyles } from "../ui/Button";
import { FormError } from "../ui/FormError";
import { Notice } from "../ui/Notice";

type ScheduledShop = { shopDomain: string; dueAt: string | null; canBeKept: boolean };

export function SignInError({ error }: { error: Error | null }) {
  const shop = scheduledShop(error);
  if (!shop) return <FormError error={error} />;
  const name = <span className="font-medium break-all">{shop.shopDomain}</span>;
  return (
    <Notice look="warn" role="alert" testId="shop-scheduled">
      {shop.canBeKept ? (
        <>
          <p>
            The data of {name} will be deleted
            {shop.dueAt && <> on <time dateTime={shop.dueAt}>{deadlineInWords(shop.dueAt)}</time></>}. Connect the shop
            again before then to keep it.
          </p>
          <Link className={`${buttonStyles.secondary} mt-3`} search={{ shop: shop.shopDomain }} to="/connect">
            Connect again
          </Link>
        </>
      ) : (
        <p>The data of {name} is being deleted and cannot be kept any more.</p>
      )}
    </Notice>
  );
}

function scheduledShop(error: Error | null): ScheduledShop | null {
  if (!(error instanceof ApiError) || error.code !== "TENANT_ERASURE_SCHEDULED") return null;
  const details = error.details as Partial<ScheduledShop> | null;
  if (typeof details?.shopDomain !== "string") return null;
  return { shopDomain: details.shopDomain, dueAt: details.dueAt ?? null, canBeKept: details.canBeKept === true };
}
