// Bars, one a day. The table below it says the same to who cannot see them.
import { formatCount } from "../text/format";

interface Day {
  day: string;
  tokens: number;
}

const WIDTH = 600;
const HEIGHT = 130;
const GAP = 0.25;

export function DaysChart({ days: used }: { days: Day[] }) {
  if (used.length === 0) return <p>Nothing was used yet.</p>;
  const days = withoutGaps(used);
  const most = Math.max(...days.map((day) => day.tokens), 1);
  const step = WIDTH / days.length;
  const top = (tokens: number) => HEIGHT * (1 - tokens / most);
  return (
    <>
      <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Tokens a day, at most ${formatCount(most)}`}>
        {days.map((day, i) => (
          <rect key={day.day} x={step * (i + GAP / 2)} y={top(day.tokens)} width={step * (1 - GAP)} height={HEIGHT - top(day.tokens)} rx={2}>
            <title>{day.day}: {formatCount(day.tokens)}</title>
          </rect>
        ))}
      </svg>
      <div class="chart-foot" aria-hidden="true"><span>{days[0]!.day}</span><span>{days.length > 1 && days.at(-1)!.day}</span></div>
      <details>
        <summary>As a table</summary>
        <table class="table">
          <thead><tr><th scope="col">Day</th><th scope="col" class="number">Tokens</th></tr></thead>
          <tbody>{days.map((day) => <tr key={day.day}><td>{day.day}</td><td class="number">{formatCount(day.tokens)}</td></tr>)}</tbody>
        </table>
      </details>
    </>
  );
}

const DAY_MS = 86_400_000;
const DAYS_MAX = 92;

// Days on which nothing was used may be missing in the list.
function withoutGaps(days: Day[]): Day[] {
  const tokens = new Map(days.map((day) => [day.day, day.tokens]));
  const names = [...tokens.keys()].sort();
  const last = Date.parse(names.at(-1)!);
  const first = Math.max(Date.parse(names[0]!), last - (DAYS_MAX - 1) * DAY_MS);
  const count = Math.round((last - first) / DAY_MS) + 1;
  return Array.from({ length: count }, (_, i) => {
    const day = new Date(first + i * DAY_MS).toISOString().slice(0, 10);
    return { day, tokens: tokens.get(day) ?? 0 };
  });
}
