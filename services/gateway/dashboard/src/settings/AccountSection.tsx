/** A new password for the signed-in user. It ends all their other sessions. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { changePassword } from "../api/account";
import { ApiError } from "../api/errors";
import { keys } from "../api/queries";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { FormError } from "../ui/FormError";
import { Notice } from "../ui/Notice";
import { PASSWORD_HINT, passwordProblem } from "../ui/passwordRules";
import { pauseInWords, usePause } from "../ui/usePause";
import { SettingsSection } from "./SettingsSection";

const EMPTY = { current: "", next: "", confirmation: "" };
type Values = typeof EMPTY;
type Problems = Partial<Record<keyof Values, string>>;

/** Codes that belong to one field and are shown there. */
const FIELD_OF: Record<string, keyof Values> = {
  PASSWORD_CONFIRMATION_FAILED: "current",
  PASSWORD_REFUSED: "next",
};

export function AccountSection({ username }: { username: string | undefined }) {
  return (
    <SettingsSection
      about="Changing your password signs you out everywhere else."
      testId="account"
      title="Account"
    >
      <PasswordForm username={username} />
    </SettingsSection>
  );
}

function problemsOf({ current, next, confirmation }: Values): Problems {
  const problems: Problems = {};
  if (!current) problems.current = "Enter your current password.";
  const problem = passwordProblem(next);
  if (problem) problems.next = problem;
  else if (confirmation !== next) problems.confirmation = "The two passwords differ.";
  return problems;
}

function PasswordForm({ username }: { username: string | undefined }) {
  const queryClient = useQueryClient();
  const [values, setValues] = useState(EMPTY);
  const [problems, setProblems] = useState<Problems>({});
  const change = useMutation({
    mutationFn: changePassword,
    onSuccess: (session) => {
      setValues(EMPTY);
      queryClient.setQueryData(keys.session, session);
      void queryClient.invalidateQueries({ queryKey: keys.ownSessions });
    },
    onError: (error) => {
      const field = error instanceof ApiError ? FIELD_OF[error.code] : undefined;
      if (field) setProblems({ [field]: error.message });
      if (error instanceof ApiError && error.status === 401) queryClient.setQueryData(keys.session, null);
    },
  });
  const pause = usePause(change.error, change.reset);
  const field = (name: keyof Values) => ({
    error: problems[name],
    name,
    type: "password",
    value: values[name],
    onChange: (event: { target: { value: string } }) => {
      setValues({ ...values, [name]: event.target.value });
      setProblems({ ...problems, [name]: undefined });
      if (change.isSuccess) change.reset();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = problemsOf(values);
    setProblems(found);
    if (pause > 0 || Object.keys(found).length > 0) return;
    change.mutate({ currentPassword: values.current, newPassword: values.next });
  };
  const atField = change.error instanceof ApiError && change.error.code in FIELD_OF;
  return (
    <form className="max-w-md space-y-4 p-4 sm:p-5" data-testid="password-form" noValidate onSubmit={submit}>
      {/* Password managers look for the name the password belongs to. */}
      <input autoComplete="username" className="hidden" name="username" readOnly type="text" value={username ?? ""} />
      <Field {...field("current")} autoComplete="current-password" label="Current password" />
      <Field {...field("next")} autoComplete="new-password" hint={PASSWORD_HINT} label="New password" />
      <Field {...field("confirmation")} autoComplete="new-password" label="Confirm new password" />
      <FormError error={atField ? null : change.error} />
      {change.isSuccess && (
        <Notice look="good" role="status" testId="password-changed">
          Your password is changed. All your other sessions have ended.
        </Notice>
      )}
      <Button disabled={change.isPending || pause > 0} look="primary" type="submit">
        {change.isPending ? "Changing…" : pause > 0 ? pauseInWords(pause) : "Change password"}
      </Button>
    </form>
  );
}
