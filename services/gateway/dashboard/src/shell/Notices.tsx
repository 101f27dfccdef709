/** What others did to this shop's accounts since the person last looked. Stays until dismissed. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { dayOf, inWords } from "../activity/words";
import { keys, noticesQuery, tenantQuery } from "../api/queries";
import { dismissNotices } from "../api/recovery";
import { buttonStyles } from "../ui/Button";
import { Info } from "../ui/icons";

export function Notices() {
  const { data: notices = [] } = useQuery(noticesQuery);
  const { data: tenant } = useQuery(tenantQuery);
  const queryClient = useQueryClient();
  const dismiss = useMutation({
    mutationFn: dismissNotices,
    onSettled: () => queryClient.invalidateQueries({ queryKey: keys.notices }),
  });
  const [newest] = notices;
  return (
    <div role="status">
      {newest && (
        <div className="border-b border-accent/30 bg-accent-soft" data-testid="notices">
          <div className="mx-auto flex max-w-[1280px] flex-wrap items-center gap-x-4 gap-y-2 px-4 py-2 text-sm sm:px-6">
            <div className="flex min-w-0 flex-1 basis-60 items-start gap-2">
              <Info className="mt-0.5 size-4 text-accent" />
              <div className="min-w-0 space-y-0.5">
                <ul className="space-y-0.5">
                  {notices.map((entry) => (
                    <li className="break-words" key={entry.id}>
                      {dayOf(entry, tenant?.zone ?? null)}: {inWords(entry)}
                    </li>
                  ))}
                </ul>
                <p className="text-ink-2">
                  Not you or your team? Check in Shopify who can manage your store.
                </p>
              </div>
            </div>
            <button
              className={`${buttonStyles.secondary} h-9 sm:h-8`}
              disabled={dismiss.isPending}
              onClick={() => dismiss.mutate(newest.at)}
              type="button"
            >
              {dismiss.isError ? "Dismiss failed, try again" : "Dismiss"}
            </button>
          </div>
        </div>
      )}
    </div>
  );
}
