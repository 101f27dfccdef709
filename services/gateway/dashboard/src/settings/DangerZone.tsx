/** The two ways to leave: disconnect and keep the data, or have all of it deleted. Both ask for the password. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import type { CurrentTenant } from "../api/client";
import { keys } from "../api/queries";
import { deleteTenant, disconnectShop } from "../api/settings";
import { rememberDeletion } from "../deletion/scheduled";
import { Button } from "../ui/Button";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { Field } from "../ui/Field";
import { SettingsSection } from "./SettingsSection";
import { hoursInWords } from "./durations";

type Props = { tenant: CurrentTenant; role: string | undefined };

export function DangerZone({ tenant, role }: Props) {
  const owner = role === "owner";
  const [asking, setAsking] = useState<"disconnect" | "delete" | null>(null);
  const close = () => setAsking(null);
  return (
    <SettingsSection
      about="Disconnecting keeps your data. Deleting removes it for good, after a time in which you can change your mind."
      testId="danger-zone"
      title="Disconnect or delete"
    >
      <div className="divide-y divide-line">
        <DangerAction
          about="Tillstream stops reading the shop. Everything imported so far stays, and you can connect again at any time."
          disabled={!owner || tenant.status === "disconnected"}
          label="Disconnect the shop"
          onClick={() => setAsking("disconnect")}
        />
        <DangerAction
          about="Every order, customer, product and figure of this shop is deleted, and nobody can sign in to it any more."
          disabled={!owner}
          label="Delete all data"
          onClick={() => setAsking("delete")}
        />
        {role && !owner && <p className="p-4 text-sm text-ink-2 sm:px-5">Only an owner of the shop can do this.</p>}
      </div>
      {asking === "disconnect" && <Disconnect onClose={close} tenant={tenant} />}
      {asking === "delete" && <Delete onClose={close} tenant={tenant} />}
    </SettingsSection>
  );
}

type ActionProps = { about: string; label: string; disabled: boolean; onClick: () => void };

function DangerAction({ about, label, ...button }: ActionProps) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3 p-4 sm:flex-nowrap sm:p-5">
      <p className="text-sm text-ink-2">{about}</p>
      <Button look="danger" {...button}>
        {label}
      </Button>
    </div>
  );
}

type DialogProps = { tenant: CurrentTenant; onClose: () => void };

function Disconnect({ tenant, onClose }: DialogProps) {
  const queryClient = useQueryClient();
  const [password, setPassword] = useState("");
  const disconnect = useMutation({
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
      error={disconnect.error}
      onAct={() => disconnect.mutate(password)}
      onClose={onClose}
      pending={disconnect.isPending}
      ready={password !== ""}
      title={`Disconnect ${tenant.name ?? tenant.shopDomain}?`}
    >
      <p className="text-ink-2">
        Tillstream gives up its access to the shop, and the figures stop changing. Data already imported is kept until
        you delete it. Connect again at any time to go on from here.
      </p>
      <PasswordField onChange={setPassword} value={password} />
    </ConfirmDialog>
  );
}

function Delete({ tenant, onClose }: DialogProps) {
  const [typed, setTyped] = useState("");
  const [password, setPassword] = useState("");
  const remove = useMutation({
    mutationFn: deleteTenant,
    onSuccess: ({ dueAt }) => {
      rememberDeletion({ shopDomain: tenant.shopDomain, dueAt });
      // A full load: nothing of this tenant may stay in memory.
      window.location.assign("/deletion");
    },
  });
  return (
    <ConfirmDialog
      act="Delete all data"
      acting="Deleting…"
      error={remove.error}
      onAct={() => remove.mutate({ confirm: typed.trim(), password })}
      onClose={onClose}
      pending={remove.isPending || remove.isSuccess}
      ready={typed.trim() === tenant.shopDomain && password !== ""}
      title={`Delete all data for ${tenant.name ?? tenant.shopDomain}?`}
    >
      <ul className="list-disc space-y-1 pl-5 text-ink-2">
        <li>The shop is disconnected and everyone is signed out now.</li>
        <li>
          The data is deleted <span className="text-ink">in {hoursInWords(tenant.erasureGraceHours)}</span>. Connect the
          shop again before then, and everything is kept.
        </li>
        <li>After that nobody can bring it back. Your shop at Shopify is not touched.</li>
      </ul>
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
      <PasswordField onChange={setPassword} value={password} />
    </ConfirmDialog>
  );
}

type PasswordProps = { value: string; onChange: (password: string) => void };

function PasswordField({ value, onChange }: PasswordProps) {
  return (
    <Field
      autoComplete="current-password"
      label="Your password"
      name="password"
      onChange={(event) => onChange(event.target.value)}
      required
      type="password"
      value={value}
    />
  );
}
