// How far the service has stepped down, while it has.
import { service, turnedAway } from "../state/service";
import { formatClock } from "../text/format";

export function Level() {
  const means = service.value?.means;
  return means ? <p class="notice calm" role="status">{means}</p> : null;
}

// In place of what stands below the composer: why it takes nothing, and until when.
export function TurnedAway({ id }: { id: string }) {
  const { until, reason } = turnedAway.value!;
  return (
    <p class="composer-note" id={id} role="status">
      You can read, but not ask, until {formatClock(until)}.
      {reason === "signed_in_only" && <> Who is logged in may ask before: <a href="#/login">log in</a>.</>}
    </p>
  );
}
