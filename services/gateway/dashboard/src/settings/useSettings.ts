import { useMutation, useQueryClient } from "@tanstack/react-query";

import { keys } from "../api/queries";
import { type TenantSettings, changeSettings } from "../api/settings";

/** Sends a change of settings; the answer is what every part of the page shows from then on. */
export function useChangeSettings() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (change: Partial<TenantSettings>) => changeSettings(change),
    onSuccess: (tenant, change) => {
      queryClient.setQueryData(keys.tenant, tenant);
      // Which orders count decides every figure.
      if (change.includeTestOrders !== undefined) {
        for (const queryKey of [keys.summary, keys.orders, keys.topCustomers]) {
          void queryClient.invalidateQueries({ queryKey });
        }
      }
    },
  });
}
