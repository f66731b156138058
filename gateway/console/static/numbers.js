// Numbers as people read them. gateway/console/number_text.py writes the same texts; tests/console/numbers.json holds both to it.

const LEAST = 1e-4, MOST = 1e15, LARGE = 1000;
const NOTHING = "—";
const formats = new Map();

function format(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat("en", { signDisplay: "negative", ...options }));
  return formats.get(key);
}

export function numberText(value, decimals = null) {
  if (typeof value !== "number" || !Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if (size && (size < LEAST || size >= MOST))
    return format({ notation: "scientific", maximumSignificantDigits: 6 }).format(value);
  if (decimals !== null)
    return format({ minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value);
  return format(size >= LARGE ? { maximumFractionDigits: 2 } : { maximumSignificantDigits: 6 }).format(value);
}

export function percentText(share) {
  if (typeof share !== "number" || !Number.isFinite(share)) return NOTHING;
  return `${format({ minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(share * 100)} %`;
}
