/** Asks for a pull: of the days between two dates, or of everything. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { keys } from "../api/queries";
import { requestPull } from "../api/settings";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { FormError } from "../ui/FormError";

export function ReadAgain() {
  const queryClient = useQueryClient();
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const pull = useMutation({
    mutationFn: requestPull,
    onSuccess: () => {
      setFrom("");
      setTo("");
      void queryClient.invalidateQueries({ queryKey: keys.pulls });
      void queryClient.invalidateQueries({ queryKey: keys.tenant });
    },
  });
  const backwards = from !== "" && to !== "" && from > to;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!backwards) pull.mutate({ ...(from && { from }), ...(to && { to }) });
  };
  return (
    <form className="space-y-3 border-t border-line p-4 sm:p-5" data-testid="read-again" onSubmit={submit}>
      <p className="text-sm text-ink-2">
        Read orders of these days again, or leave both empty to read the whole history. Nothing is counted
        twice.
      </p>
      <div className="grid gap-3 sm:grid-cols-[160px_160px_auto] sm:items-end sm:justify-start">
        <Field label="From" name="from" onChange={(event) => setFrom(event.target.value)} type="date" value={from} />
        <Field label="To" name="to" onChange={(event) => setTo(event.target.value)} type="date" value={to} />
        <Button className="sm:h-10" disabled={backwards || pull.isPending} type="submit">
          {pull.isPending ? "Asking…" : from || to ? "Read these days again" : "Read everything again"}
        </Button>
      </div>
      {backwards && (
        <p className="text-sm text-bad" role="alert">
          The range starts after it ends.
        </p>
      )}
      <FormError error={pull.error} />
      <p className="text-sm text-ink-2 empty:hidden" role="status">
        {pull.isSuccess && "Asked for. The list above shows how it goes."}
      </p>
    </form>
  );
}
