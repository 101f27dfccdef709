/** Why a recovery did not begin or has ended, in words the person can act on. */

const WORDS = new Map(
  Object.entries({
    ACCOUNT_OWNER_REQUIRED:
      "Only the store owner in Shopify can recover this account. Ask the store owner to open this page. Shopify names them under Settings, Users.",
    TENANT_NOT_FOUND: "This shop is not connected to Tillstream. Connect it instead.",
    RECOVERY_INVALID: "Shopify's confirmation has expired, or the shop is no longer connected. Start again.",
    RECOVERY_USED: "Shopify's confirmation has been used already. Sign in, or start again.",
    VALIDATION_INVALID_SHOP: "That is not the domain of a Shopify shop.",
    VALIDATION_FAILED: "Shopify's answer was incomplete. Start again.",
    SHOPIFY_AUTH_FAILED:
      "Shopify's answer could not be verified, or it came too late. Nothing was changed. Start again.",
    SHOPIFY_UNAVAILABLE: "Shopify did not answer. Nothing was changed. Try again in a minute.",
    SHOPIFY_RATE_LIMIT: "Shopify asks us to slow down. Try again in a minute.",
    SHOPIFY_REQUEST_REFUSED: "Shopify refused to confirm who you are. Nothing was changed.",
    RATE_LIMITED: "Too many attempts. Try again in a minute.",
    SERVICE_UNAVAILABLE: "Tillstream is briefly not available. Try again in a minute.",
  }),
);

const OTHER = "Shopify could not confirm who you are. Try again.";

/** The URL is anyone's to write: only known codes choose a text, and nothing from it is shown as one. */
export function recoverErrorText(code: string): string {
  return WORDS.get(code) ?? OTHER;
}

/** Those after which only Shopify can help again. */
export function endsRecovery(code: string): boolean {
  return code === "RECOVERY_INVALID" || code === "RECOVERY_USED" || code === "RECOVERY_NOT_FOUND";
}
