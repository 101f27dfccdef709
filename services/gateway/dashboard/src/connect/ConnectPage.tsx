/** Name the shop; Shopify asks for consent; the callback comes back to /welcome, or here with an error. */

import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";

import { EntryFrame } from "../shell/EntryFrame";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { Notice } from "../ui/Notice";
import { RequestId } from "../ui/RequestId";
import { Lock } from "../ui/icons";
import { usePageTitle } from "../ui/usePageTitle";
import { Steps } from "../welcome/Steps";
import { asRequestId, connectErrorText } from "./connectErrors";
import { shopDomain } from "./shopDomain";

export type ConnectSearch = { error?: string; requestId?: string; shop?: string };

const READS = [
  ["Orders", "totals, lines and refunds"],
  ["Customers", "name and e-mail; phone numbers and addresses are not stored"],
  ["Products", "title, variants and price"],
] as const;

export function ConnectPage({ search }: { search: ConnectSearch }) {
  usePageTitle("Connect a shop");
  const [typed, setTyped] = useState(search.shop ?? "");
  const [problem, setProblem] = useState<string | null>(null);
  const [leaving, setLeaving] = useState(false);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const domain = shopDomain(typed);
    if (!domain) {
      setProblem("Enter the shop's Shopify domain, like fernwood.myshopify.com.");
      return;
    }
    setLeaving(true);
    window.location.assign(`/api/shopify/auth?shop=${encodeURIComponent(domain)}`);
  };

  return (
    <EntryFrame
      footer={
        <>
          Already connected?{" "}
          <Link className="font-medium text-accent underline underline-offset-2" search={{}} to="/login">
            Sign in
          </Link>
        </>
      }
      wide
    >
      <Steps current="shop" />
      <h1 className="text-xl font-semibold tracking-[-0.01em]">Connect your shop</h1>
      <p className="mt-1 mb-6 text-ink-2">
        Shopify will ask you to approve. Then we read the shop's history and keep it current.
      </p>
      {search.error && (
        <div className="mb-5">
          <Notice look="bad" role="alert" testId="connect-error">
            <p>{connectErrorText(search.error)}</p>
            <RequestId id={asRequestId(search.requestId)} />
          </Notice>
        </div>
      )}
      <form className="space-y-4" data-testid="connect-form" noValidate onSubmit={submit}>
        <Field
          autoCapitalize="none"
          autoComplete="off"
          autoFocus
          error={problem}
          hint="You find it in your Shopify admin under Settings, Domains."
          inputMode="url"
          label="Shop domain"
          name="shop"
          onChange={(event) => {
            setTyped(event.target.value);
            setProblem(null);
          }}
          placeholder="your-shop.myshopify.com"
          spellCheck={false}
          value={typed}
        />
        <Button className="w-full sm:h-10" disabled={leaving} look="primary" type="submit">
          {leaving ? "Going to Shopify…" : "Connect"}
        </Button>
      </form>
      <div className="mt-6 border-t border-line pt-5">
        <h2 className="flex items-center gap-2 text-sm font-medium">
          <Lock className="size-4 text-ink-2" />
          What we ask to read
        </h2>
        <ul className="mt-2 space-y-1 text-sm text-ink-2">
          {READS.map(([what, detail]) => (
            <li className="grid grid-cols-[84px_1fr]" key={what}>
              <span className="text-ink">{what}</span>
              <span>{detail}</span>
            </li>
          ))}
        </ul>
        <p className="mt-3 text-sm text-ink-2">Read only: Tillstream never changes anything in your shop.</p>
      </div>
    </EntryFrame>
  );
}
