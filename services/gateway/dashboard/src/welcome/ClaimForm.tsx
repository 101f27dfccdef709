import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { redeemClaim } from "../api/client";
import { ApiError } from "../api/errors";
import { keys } from "../api/queries";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { FormError } from "../ui/FormError";
import { PASSWORD_HINT } from "../ui/passwordRules";
import { pauseInWords, usePause } from "../ui/usePause";
import { type ClaimProblems, type ClaimValues, claimProblems } from "./claimForm";

const EMPTY: ClaimValues = { username: "", password: "", confirmation: "" };

/** Codes that belong to one field and are shown there. */
const FIELD_OF: Record<string, keyof ClaimValues> = {
  USERNAME_TAKEN: "username",
  PASSWORD_REFUSED: "password",
};

export function ClaimForm() {
  const queryClient = useQueryClient();
  const [values, setValues] = useState(EMPTY);
  const [problems, setProblems] = useState<ClaimProblems>({});
  const redeem = useMutation({
    mutationFn: redeemClaim,
    onSuccess: (session) => {
      queryClient.setQueryData(keys.session, session);
      queryClient.setQueryData(keys.claim, null);
    },
    onError: (error) => {
      const field = error instanceof ApiError ? FIELD_OF[error.code] : undefined;
      if (field) setProblems({ [field]: error.message });
      // Someone was faster, or the time is up: ask the server what is left to do.
      if (error instanceof ApiError && /^CLAIM_|^TENANT_ALREADY_OWNED$/.test(error.code)) {
        void queryClient.invalidateQueries({ queryKey: keys.claim });
      }
    },
  });
  const pause = usePause(redeem.error, redeem.reset);
  const set = (field: keyof ClaimValues) => (event: { target: { value: string } }) => {
    setValues({ ...values, [field]: event.target.value });
    setProblems({ ...problems, [field]: undefined });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = claimProblems(values);
    setProblems(found);
    if (Object.keys(found).length > 0) return;
    redeem.mutate({ username: values.username.trim(), password: values.password });
  };
  const atField = redeem.error instanceof ApiError && redeem.error.code in FIELD_OF;
  return (
    <form className="space-y-4" data-testid="claim-form" noValidate onSubmit={submit}>
      <Field
        autoCapitalize="none"
        autoComplete="username"
        autoFocus
        error={problems.username}
        label="User name"
        name="username"
        onChange={set("username")}
        spellCheck={false}
        value={values.username}
      />
      <Field
        autoComplete="new-password"
        error={problems.password}
        hint={PASSWORD_HINT}
        label="Password"
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
      <FormError error={atField ? null : redeem.error} />
      <Button className="w-full sm:h-10" disabled={redeem.isPending || pause > 0} look="primary" type="submit">
        {redeem.isPending ? "Creating your account…" : pause > 0 ? pauseInWords(pause) : "Create account"}
      </Button>
    </form>
  );
}
