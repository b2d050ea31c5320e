// Beside each moment: how long ago it was, or how soon it is. The moment itself stays, with its zone.

const STEPS = [
  [60, "second", 1],
  [3600, "minute", 60],
  [86_400, "hour", 3600],
  [86_400 * 60, "day", 86_400],
  [Infinity, "month", 86_400 * 30],
];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export function tellTimes(root) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const seconds = (new Date(time.dateTime) - now) / 1000;
    const [, unit, size] = STEPS.find(([limit]) => Math.abs(seconds) < limit);
    time.title = words.format(Math.trunc(seconds / size), unit);
  }
}
