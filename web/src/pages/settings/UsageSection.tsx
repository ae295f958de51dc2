import { type Usage, getUsage } from "../../api/account";
import { DaysChart } from "../../parts/DaysChart";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { Section } from "../../parts/Sheet";
import { formatCount, formatRequests, formatTime } from "../../text/format";

export function UsageSection() {
  return <Loaded of={useLoaded(getUsage)}>{(usage) => <Used usage={usage} />}</Loaded>;
}

function Used({ usage }: { usage: Usage }) {
  return (
    <>
      <Section title="Today"><Meter usage={usage} /></Section>
      <Section title="Day by day"><DaysChart days={usage.days} /></Section>
      {usage.keys.length > 0 && (
        <Section title="By key, today">
          <table class="table">
            <thead><tr><th scope="col">Key</th><th scope="col" class="number">Tokens</th></tr></thead>
            <tbody>
              {usage.keys.map((key) => <tr key={key.id}><td>{key.name}</td><td class="number">{formatCount(key.tokens)}</td></tr>)}
            </tbody>
          </table>
        </Section>
      )}
    </>
  );
}

function Meter({ usage }: { usage: Usage }) {
  const used = formatCount(usage.tokens_today);
  const isLimited = usage.tokens_per_day !== null;
  return (
    <>
      {isLimited && (
        <>
          <label class="meter-label" for="quota">{used} of {formatCount(usage.tokens_per_day!)} tokens used</label>
          <meter id="quota" min={0} max={usage.tokens_per_day!} high={usage.tokens_per_day! * 0.9} value={usage.tokens_today} />
        </>
      )}
      {!isLimited && <p>{used} tokens used. Your account has no daily limit.</p>}
      <p class="hint">
        The day begins again {formatTime(usage.resets_at)}.
        {usage.requests_at_once_max != null && ` At most ${formatRequests(usage.requests_at_once_max)} at once.`}
        {usage.balance !== null && ` Balance: ${formatCount(usage.balance)}.`}
      </p>
    </>
  );
}
