// Numbers, moments and lengths of time in words. Moments are shown in the reader's zone.

const kWhole = new Intl.NumberFormat("en-US");
const kPlain = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
const kClock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const kDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const kFull = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export const whole = (value: number): string => kWhole.format(Math.round(value));
export const number = (value: number): string => (Number.isInteger(value) ? kWhole.format(value) : kPlain.format(value));

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

// What `count=estimated` gives: beyond 10,000 it is the planner's belief, and not more exact than this.
export function estimated(count: number): string {
  return count <= 10_000 ? whole(count) : `about ${whole(Number(count.toPrecision(2)))}`;
}

export function percent(part: number, all: number): string {
  if (all === 0 || part === 0) return "0%";
  const share = (100 * part) / all;
  return share < 0.1 ? "< 0.1%" : share < 10 ? `${share.toFixed(1)}%` : `${Math.round(share)}%`;
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let rest = value;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    ++unit;
  }
  return `${unit === 0 || rest >= 100 ? Math.round(rest) : rest.toFixed(1)} ${units[unit]}`;
}

export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

export function ago(seconds: number): string {
  if (seconds < 45) return "just now";
  if (seconds < 5400) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

export function since(moment: string): number {
  return Math.max(0, (Date.now() - Date.parse(moment)) / 1000);
}

// 10:42 today, 31 Jan 2026, 10:42 before.
export function clock(moment: string): string {
  const date = new Date(moment);
  const today = new Date().toDateString() === date.toDateString();
  return today ? kClock.format(date) : `${kDay.format(date)}, ${kClock.format(date)}`;
}

// A moment as RFC 3339 has it, as a column of them is read: 2026-01-31 10:42, in UTC; a date as it is.
export const stamp = (moment: string): string => moment.slice(0, 16).replace("T", " ");

export const day = (moment: string): string => kDay.format(new Date(moment));
export const full = (moment: string): string => kFull.format(new Date(moment));

const kPlurals: Record<string, string> = {
  Patient: "patients", Observation: "observations", Encounter: "encounters", Condition: "conditions",
  Procedure: "procedures", MedicationRequest: "medication requests", Immunization: "immunizations",
  AllergyIntolerance: "allergies", DiagnosticReport: "diagnostic reports",
};

export function pluralOfType(type: string): string {
  return kPlurals[type] ?? `${type} resources`;
}

export function stepName(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// Years from a birth date to now or to death.
export function age(birth: string, until?: string): number {
  const from = new Date(birth);
  const to = until ? new Date(until) : new Date();
  const before = to.getMonth() < from.getMonth() || (to.getMonth() === from.getMonth() && to.getDate() < from.getDate());
  return to.getFullYear() - from.getFullYear() - (before ? 1 : 0);
}
