// Numbers and times in the reader's own language.
const dateAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const number = new Intl.NumberFormat("en");

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const formatTime = (ms: number) => dateAndTime.format(ms);
export const formatDate = (ms: number) => date.format(ms);
// The time of today, with its seconds.
export const formatClock = (ms: number) => clock.format(ms);
export const formatCount = (count: number) => number.format(count);
export const formatRequests = (count: number) => `${formatCount(count)} ${count === 1 ? "request" : "requests"}`;

// "3 minutes ago"; what is longer ago than a month has its date.
export function formatAge(ms: number, now = Date.now()): string {
  const age = now - ms;
  if (age < MINUTE_MS) return "just now";
  if (age < HOUR_MS) return relative.format(-Math.floor(age / MINUTE_MS), "minute");
  if (age < DAY_MS) return relative.format(-Math.floor(age / HOUR_MS), "hour");
  return age < 30 * DAY_MS ? relative.format(-Math.floor(age / DAY_MS), "day") : formatDate(ms);
}

// Of a date input: the end of that day here. Undefined: none was given.
export function endOfDay(day: string): number | undefined {
  return day === "" ? undefined : new Date(`${day}T23:59:59`).getTime();
}
