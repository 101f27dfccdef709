/** Name the shop; Shopify says whether the person is its store owner, and leads back to this page. */

import { type FormEvent, useState } from "react";

import { shopDomain } from "../connect/shopDomain";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";

export function StartForm() {
  const [typed, setTyped] = useState("");
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
    window.location.assign(`/api/shopify/recover?shop=${encodeURIComponent(domain)}`);
  };
  return (
    <form className="space-y-4" data-testid="recover-start" noValidate onSubmit={submit}>
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
        {leaving ? "Going to Shopify…" : "Confirm with Shopify"}
      </Button>
    </form>
  );
}
