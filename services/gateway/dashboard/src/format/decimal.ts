/** Exact arithmetic on the decimal strings of the API. A Number is only ever made for drawing. */

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

type Scaled = { units: bigint; scale: number };

function parse(text: string): Scaled {
  const match = DECIMAL.exec(text);
  if (!match) throw new RangeError(`not a decimal: ${text}`);
  const [, sign, whole = "0", fraction = ""] = match;
  const units = BigInt(whole + fraction);
  return { units: sign ? -units : units, scale: fraction.length };
}

function print({ units, scale }: Scaled): string {
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale > 0 ? `.${digits.slice(-scale)}` : "";
  return `${negative ? "-" : ""}${whole}${fraction}`;
}

function rescale({ units, scale }: Scaled, to: number): bigint {
  return units * 10n ** BigInt(to - scale);
}

export function sumDecimals(values: readonly string[]): string {
  const parsed = values.map(parse);
  const scale = parsed.reduce((most, value) => Math.max(most, value.scale), 0);
  const units = parsed.reduce((total, value) => total + rescale(value, scale), 0n);
  return print({ units, scale });
}

/** `total / count`, rounded half away from zero to `places`. `count` must be above 0. */
export function divideDecimal(total: string, count: number, places: number): string {
  const value = parse(total);
  const scale = Math.max(value.scale, places);
  const numerator = rescale(value, scale);
  const divisor = BigInt(count) * 10n ** BigInt(scale - places);
  const size = numerator < 0n ? -numerator : numerator;
  const rounded = (size * 2n + divisor) / (divisor * 2n);
  return print({ units: numerator < 0n ? -rounded : rounded, scale: places });
}

/** True for 0, 0.00 and -0.0: decided on the digits, not on a float. */
export function isZero(value: string): boolean {
  return parse(value).units === 0n;
}
