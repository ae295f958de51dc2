// Bars, one a day. The table below it says the same to who cannot see them.
import { formatCount } from "../text/format";

interface Day {
  day: string;
  tokens: number;
}

const WIDTH = 600;
const HEIGHT = 130;
const GAP = 0.25;

export function DaysChart({ days }: { days: Day[] }) {
  if (days.length === 0) return <p>Nothing was used yet.</p>;
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
