import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { type Session, logIn } from "../api/client";
import { keys } from "../api/queries";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { pauseInWords, usePause } from "../ui/usePause";
import { SignInError } from "./SignInError";

export function LoginForm({ onSignedIn }: { onSignedIn: (session: Session) => void }) {
  const queryClient = useQueryClient();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: logIn,
    onSuccess: (session) => {
      queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== keys.claim[0] });
      queryClient.setQueryData(keys.session, session);
      onSignedIn(session);
    },
  });
  const pause = usePause(signIn.error, signIn.reset);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (pause > 0) return;
    signIn.mutate({ username: username.trim(), password });
  };
  return (
    <form className="space-y-4" data-testid="login-form" onSubmit={submit}>
      <Field
        autoCapitalize="none"
        autoComplete="username"
        autoFocus
        label="User name"
        name="username"
        onChange={(event) => setUsername(event.target.value)}
        required
        spellCheck={false}
        value={username}
      />
      <Field
        autoComplete="current-password"
        label="Password"
        name="password"
        onChange={(event) => setPassword(event.target.value)}
        required
        type="password"
        value={password}
      />
      <SignInError error={signIn.error} />
      <Button className="w-full sm:h-10" disabled={signIn.isPending || pause > 0} look="primary" type="submit">
        {signIn.isPending ? "Signing in…" : pause > 0 ? pauseInWords(pause) : "Sign in"}
      </Button>
    </form>
  );
}
