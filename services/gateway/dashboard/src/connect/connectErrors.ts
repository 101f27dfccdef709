/** Errors that come back from Shopify's consent in the URL, in words a merchant can act on. */

const WORDS = new Map(Object.entries({
  VALIDATION_INVALID_SHOP: "That is not the domain of a Shopify shop.",
  VALIDATION_FAILED: "Shopify's answer was incomplete. Start again from here.",
  SHOPIFY_AUTH_FAILED:
    "Shopify's answer could not be verified, or it came too late. Nothing was connected. Start again from here.",
  SHOPIFY_UNAVAILABLE: "Shopify did not answer. Nothing was connected. Try again in a minute.",
  SHOPIFY_RATE_LIMIT: "Shopify asks us to slow down. Try again in a minute.",
  SHOPIFY_REQUEST_REFUSED: "Shopify refused the connection. Nothing was connected.",
  CLAIM_INVALID: "This connection could not be verified. Start again from here.",
  CLAIM_USED: "This connection was used already. Sign in, or connect again.",
  SERVICE_UNAVAILABLE: "Tillstream is briefly not available. Try again in a minute.",
}));

const OTHER = "The shop could not be connected. Try again.";

/** The URL is anyone's to write: only known codes choose a text, and nothing from it is shown as one. */
export function connectErrorText(code: string): string {
  return WORDS.get(code) ?? OTHER;
}

export function asRequestId(text: unknown): string | null {
  return typeof text === "string" && /^[\w.:-]{1,80}$/.test(text) ? text : null;
}
