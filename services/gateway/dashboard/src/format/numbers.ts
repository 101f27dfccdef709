/** Numbers and money as a person reads them. Money comes in as a decimal string and keeps every digit. */

const LOCALE = "en-US";

const integers = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });

// Keyed by style and currency: one formatter for all would let the first value decide the decimals.
const formatters = new Map<string, Intl.NumberFormat>();

function formatter(currency: string, style: "exact" | "compact"): Intl.NumberFormat {
  const key = `${style}:${currency}`;
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.NumberFormat(LOCALE, {
      style: "currency",
      currency,
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

export function formatCount(value: number | bigint): string {
  return integers.format(value);
}

/** All cents (or none for JPY, three for KWD). */
export function formatMoney(amount: string, currency: string | null): string {
  const exact = amount as Intl.StringNumericLiteral;
  if (currency === null) return new Intl.NumberFormat(LOCALE).format(exact);
  return formatter(currency, "exact").format(exact);
}

/** For axes only. */
export function formatMoneyCompact(amount: number, currency: string | null): string {
  if (currency === null) return integers.format(amount);
  return formatter(currency, "compact").format(amount);
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
