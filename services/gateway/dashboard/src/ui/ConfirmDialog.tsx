/** A question that must be answered before anything happens. Escape and Cancel change nothing. */

import { type FormEvent, type ReactNode, useEffect, useId, useRef } from "react";

import { Button } from "./Button";
import { FormError } from "./FormError";

type Props = {
  title: string;
  children: ReactNode;
  /** What the button that does it says. */
  act: string;
  acting: string;
  ready?: boolean;
  pending: boolean;
  error: Error | null;
  onAct: () => void;
  onClose: () => void;
};

export function ConfirmDialog({ title, children, ready = true, pending, error, ...rest }: Props) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opened = dialog.current;
    // The browser keeps the focus inside and gives it back to what opened it.
    opened?.showModal();
    return () => opened?.close();
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready && !pending) rest.onAct();
  };
  return (
    <dialog
      aria-labelledby={id}
      className="m-auto w-[min(460px,calc(100vw-32px))] rounded-lg border border-line bg-surface p-5 text-ink shadow-[0_8px_28px_rgb(0_0_0/0.16)] backdrop:bg-black/50 sm:p-6"
      onClose={rest.onClose}
      ref={dialog}
    >
      <form className="space-y-4" onSubmit={submit}>
        <h2 className="text-lg font-semibold" id={id}>
          {title}
        </h2>
        {children}
        <FormError error={error} />
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={() => dialog.current?.close()}>Cancel</Button>
          <Button disabled={!ready || pending} look="danger" type="submit">
            {pending ? rest.acting : rest.act}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
