/** Numbers and money as a person reads them. Money comes in as a decimal string and keeps every digit. */

const LOCALE = "en-US";
const NO_CURRENCY = "XXX";

const integers = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });

// Keyed by style and currency: one formatter for all would let the first value decide the decimals.
const formatters = new Map<string, Intl.NumberFormat>();

/** Intl takes these, and throws at any other; Shopify has longer ones. */
const THREE_LETTERS = /^[A-Z]{3}$/;

/** Of the others, as in the currencies of the library Shopify/money. */
const MINOR_UNITS: Readonly<Record<string, number>> = { USDC: 2 };
const USUAL_MINOR_UNITS = 2;

function formatter(currency: string, style: "exact" | "compact"): Intl.NumberFormat {
  const key = `${style}:${currency}`;
  let found = formatters.get(key);
  if (!found) {
    const digits = MINOR_UNITS[currency] ?? USUAL_MINOR_UNITS;
    found = new Intl.NumberFormat(LOCALE, {
      style: "currency",
      ...(THREE_LETTERS.test(currency)
        ? { currency }
        : { currency: NO_CURRENCY, minimumFractionDigits: digits, maximumFractionDigits: digits }),
      ...(style === "compact" && {
        notation: "compact",
        minimumFractionDigits: 0,
        maximumFractionDigits: 1,
      }),
    });
    formatters.set(key, found);
  }
  return found;
}

function inCurrency(parts: Intl.NumberFormatPart[], currency: string): string {
  // A code of letters stands apart from the digits, as Intl sets one that it has no sign for.
  const sign = THREE_LETTERS.test(currency) ? null : `${currency}\u00a0`;
  return parts.map(({ type, value }) => (type === "currency" ? (sign ?? value) : value)).join("");
}

export function formatCount(value: number | bigint): string {
  return integers.format(value);
}

/** All cents (or none for JPY, three for KWD). */
export function formatMoney(amount: string, currency: string | null): string {
  const exact = amount as Intl.StringNumericLiteral;
  if (currency === null) return new Intl.NumberFormat(LOCALE).format(exact);
  return inCurrency(formatter(currency, "exact").formatToParts(exact), currency);
}

/** For axes only. */
export function formatMoneyCompact(amount: number, currency: string | null): string {
  if (currency === null) return integers.format(amount);
  return inCurrency(formatter(currency, "compact").formatToParts(amount), currency);
}

export function minorUnits(currency: string): number {
  return formatter(currency, "exact").resolvedOptions().maximumFractionDigits ?? 2;
}

export function formatPercent(fraction: number): string {
  const digits = Math.abs(fraction) >= 1 ? 0 : 1;
  return new Intl.NumberFormat(LOCALE, {
    style: "percent",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(fraction);
}
