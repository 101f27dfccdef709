/** What a person types or pastes for a shop, turned into its domain. Null when it cannot be one. */

const SUFFIX = ".myshopify.com";
const DOMAIN = /^[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com$/;

export function shopDomain(typed: string): string | null {
  const bare = typed
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/[/?#].*$/, "");
  const domain = bare.includes(".") ? bare : `${bare}${SUFFIX}`;
  return DOMAIN.test(domain) ? domain : null;
}
