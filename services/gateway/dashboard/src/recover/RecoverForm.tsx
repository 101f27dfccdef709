/** What the store owner decides: a new password for the owner's account, or another owner. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";

import type { Session } from "../api/client";
import { ApiError } from "../api/errors";
import { keys } from "../api/queries";
import { type Recovery, type RecoveryChoice, recover } from "../api/recovery";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { FormError } from "../ui/FormError";
import { type ClaimProblems, type ClaimValues, claimProblems } from "../welcome/claimForm";
import { endsRecovery } from "./recoverErrors";

type Mode = RecoveryChoice["mode"];
type Props = { recovery: Recovery; onRecovered: (session: Session) => void; onEnded: (code: string) => void };

const EMPTY: ClaimValues = { username: "", password: "", confirmation: "" };
const FIELD_OF: Record<string, keyof ClaimValues> = {
  USERNAME_TAKEN: "username",
  PASSWORD_REFUSED: "password",
};

export function RecoverForm({ recovery, onRecovered, onEnded }: Props) {
  const queryClient = useQueryClient();
  const [chosen, setChosen] = useState<Mode>("reset");
  const mode: Mode = recovery.canReset ? chosen : "takeover";
  const [values, setValues] = useState(EMPTY);
  const [problems, setProblems] = useState<ClaimProblems>({});
  const change = useMutation({
    mutationFn: recover,
    onSuccess: (session) => {
      queryClient.clear();
      queryClient.setQueryData(keys.session, session);
      onRecovered(session);
    },
    onError: (error) => {
      if (!(error instanceof ApiError)) return;
      const field = FIELD_OF[error.code];
      if (field) setProblems({ [field]: error.message });
      if (endsRecovery(error.code)) onEnded(error.code);
      // The owner has joined another shop meanwhile: ask what is still possible.
      if (error.code === "RESET_NOT_POSSIBLE") void queryClient.invalidateQueries({ queryKey: keys.recovery });
    },
  });
  const set = (field: keyof ClaimValues) => (event: { target: { value: string } }) => {
    setValues({ ...values, [field]: event.target.value });
    setProblems({ ...problems, [field]: undefined });
  };
  const choose = (next: Mode) => {
    setChosen(next);
    setProblems({});
    change.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = claimProblems(values);
    if (mode === "reset") delete found.username;
    setProblems(found);
    if (Object.keys(found).length > 0) return;
    const { password } = values;
    const username = values.username.trim();
    change.mutate(mode === "reset" ? { mode, password } : { mode, username, password });
  };
  const atField = change.error instanceof ApiError && change.error.code in FIELD_OF;
  return (
    <form className="space-y-4" data-testid="recover-form" noValidate onSubmit={submit}>
      <Choices mode={mode} onChoose={choose} recovery={recovery} />
      {mode === "takeover" && (
        <Field
          autoCapitalize="none"
          autoComplete="username"
          error={problems.username}
          hint={
            recovery.ownerUsername &&
            "Choose a new user name. If you already have an account, enter its user name and password."
          }
          label="User name"
          name="username"
          onChange={set("username")}
          spellCheck={false}
          value={values.username}
        />
      )}
      <Field
        autoComplete="new-password"
        error={problems.password}
        hint="At least 8 characters. A long sentence is better than a clever word."
        label={mode === "reset" ? "New password" : "Password"}
        name="password"
        onChange={set("password")}
        type="password"
        value={values.password}
      />
      <Field
        autoComplete="new-password"
        error={problems.confirmation}
        label="Confirm password"
        name="confirmation"
        onChange={set("confirmation")}
        type="password"
        value={values.confirmation}
      />
      <FormError error={atField ? null : change.error} />
      <Button className="w-full sm:h-10" disabled={change.isPending} look="primary" type="submit">
        {change.isPending ? "Saving…" : actOf(mode, recovery)}
      </Button>
    </form>
  );
}

function actOf(mode: Mode, { ownerUsername }: Recovery): string {
  if (mode === "reset") return "Set new password";
  return ownerUsername ? "Take ownership" : "Create account";
}

type ChoicesProps = { recovery: Recovery; mode: Mode; onChoose: (mode: Mode) => void };

function Choices({ recovery: { ownerUsername, canReset }, mode, onChoose }: ChoicesProps) {
  if (!ownerUsername) return null;
  const owner = <strong className="font-medium break-words text-ink">{ownerUsername}</strong>;
  const loses = (
    <>
      {owner} loses access to this shop. Everyone else has to sign in again, and the shop's members are told.
    </>
  );
  if (!canReset) {
    return (
      <div className="space-y-2 text-sm text-ink-2" data-testid="recover-takeover-only">
        <p>
          {owner} also belongs to other shops, so its password cannot be reset from here. You can take ownership of
          this shop with another account.
        </p>
        <p>{loses}</p>
      </div>
    );
  }
  return (
    <fieldset className="space-y-2">
      <legend className="mb-1.5 text-sm font-medium">What do you want to do?</legend>
      <Choice checked={mode === "reset"} onChoose={() => onChoose("reset")} title="Set a new password">
        {owner} stays the owner and is signed out everywhere else.
      </Choice>
      <Choice
        checked={mode === "takeover"}
        onChoose={() => onChoose("takeover")}
        title="Take ownership with another account"
      >
        {loses}
      </Choice>
    </fieldset>
  );
}

type ChoiceProps = { checked: boolean; onChoose: () => void; title: string; children: ReactNode };

function Choice({ checked, onChoose, title, children }: ChoiceProps) {
  return (
    <label
      className={`flex cursor-pointer gap-3 rounded-md border px-3.5 py-3 ${checked ? "border-accent bg-accent-soft" : "border-control"}`}
    >
      <input
        checked={checked}
        className="mt-1 size-4 shrink-0 accent-accent"
        name="mode"
        onChange={onChoose}
        type="radio"
      />
      <span className="min-w-0">
        <span className="block font-medium">{title}</span>
        <span className="block text-sm text-ink-2">{children}</span>
      </span>
    </label>
  );
}
