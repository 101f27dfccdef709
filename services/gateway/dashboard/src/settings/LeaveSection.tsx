/** The two ways to leave: disconnect and keep the history, or have everything erased. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { type CurrentTenant, logOut } from "../api/client";
import { keys } from "../api/queries";
import { disconnectShop, eraseTenant } from "../api/settings";
import { Button } from "../ui/Button";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { Field } from "../ui/Field";
import { SettingsSection } from "./SettingsSection";

type Props = { tenant: CurrentTenant; role: string | undefined };

export function LeaveSection({ tenant, role }: Props) {
  const owner = role === "owner";
  const [asking, setAsking] = useState<"disconnect" | "erase" | null>(null);
  const close = () => setAsking(null);
  return (
    <SettingsSection
      about="Disconnecting keeps the history and can be taken back. Erasing cannot."
      testId="leave"
      title="Leave"
    >
      <div className="divide-y divide-line">
        <Way
          about="Nothing new is read. The figures stay, and connecting again goes on from here."
          act="Disconnect the shop"
          disabled={!owner || tenant.status === "disconnected"}
          onClick={() => setAsking("disconnect")}
        />
        <Way
          about="Every order, customer, product and figure of this shop is deleted, for all its users."
          act="Erase everything"
          disabled={!owner}
          onClick={() => setAsking("erase")}
        />
        {role && !owner && <p className="p-4 text-sm text-ink-2 sm:px-5">Only an owner of the shop can do this.</p>}
      </div>
      {asking === "disconnect" && <Disconnect onClose={close} tenant={tenant} />}
      {asking === "erase" && <Erase onClose={close} tenant={tenant} />}
    </SettingsSection>
  );
}

type WayProps = { about: string; act: string; disabled: boolean; onClick: () => void };

function Way({ about, act, ...button }: WayProps) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3 p-4 sm:flex-nowrap sm:p-5">
      <p className="text-sm text-ink-2">{about}</p>
      <Button look="danger" {...button}>
        {act}
      </Button>
    </div>
  );
}

type DialogProps = { tenant: CurrentTenant; onClose: () => void };

function Disconnect({ tenant, onClose }: DialogProps) {
  const queryClient = useQueryClient();
  const leave = useMutation({
    mutationFn: disconnectShop,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: keys.tenant });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      act="Disconnect"
      acting="Disconnecting…"
      error={leave.error}
      onAct={() => leave.mutate()}
      onClose={onClose}
      pending={leave.isPending}
      title={`Disconnect ${tenant.name ?? tenant.shopDomain}?`}
    >
      <p className="text-ink-2">
        Tillstream gives up its access to the shop, and the figures stop changing. What is in is kept until you
        erase it or connect again.
      </p>
    </ConfirmDialog>
  );
}

function Erase({ tenant, onClose }: DialogProps) {
  const [typed, setTyped] = useState("");
  const erase = useMutation({
    mutationFn: async () => {
      await eraseTenant(typed.trim());
      // The account may go with the tenant: an ended session is as good as a closed one.
      await logOut().catch(() => undefined);
    },
    // A full load: nothing of this tenant may stay in memory.
    onSuccess: () => window.location.assign("/login?erased=true"),
  });
  return (
    <ConfirmDialog
      act="Erase everything"
      acting="Erasing…"
      error={erase.error}
      onAct={() => erase.mutate()}
      onClose={onClose}
      pending={erase.isPending || erase.isSuccess}
      ready={typed.trim() === tenant.shopDomain}
      title={`Erase everything of ${tenant.name ?? tenant.shopDomain}?`}
    >
      <p className="text-ink-2">
        All of it is deleted at once and cannot be brought back, not by us either. The shop itself is not touched.
      </p>
      <Field
        autoCapitalize="none"
        autoComplete="off"
        hint={
          <>
            Type <span className="font-medium break-all text-ink">{tenant.shopDomain}</span> to confirm.
          </>
        }
        label="Shop domain"
        name="confirm"
        onChange={(event) => setTyped(event.target.value)}
        spellCheck={false}
        value={typed}
      />
    </ConfirmDialog>
  );
}
