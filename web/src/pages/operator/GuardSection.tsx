// How the guard stands, whom it limits by what evidence, and a button that takes a decision back.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Decision, type GuardState, getGuard, listDecisions, undoDecision } from "../../api/guard";
import { OPEN } from "../../api/service";
import { Confirm } from "../../parts/Confirm";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { Failure, Spinner } from "../../parts/Notice";
import { Section } from "../../parts/Sheet";
import { leaveIfOver } from "../../state/me";
import { formatCount, formatRequests, formatTime } from "../../text/format";

const ACTIONS: Record<Decision["action"], string> = { slow: "Slowed down", challenge: "Has to solve a task", refuse: "Refused", push_down: "Dropped before it connects" };
const SCOPES: Record<Decision["scope"], string> = { account: "an account", key: "an API key", address: "an address", prefix: "a network", fingerprint: "programs of one make" };
const STATES: Record<Decision["state"], string> = { in_force: "In force", expired: "Over", undone: "Undone", displaced: "Made room for another" };

export function GuardSection() {
  const guard = useLoaded(getGuard);
  return (
    <>
      <Loaded of={guard}>{(state) => <Standing state={state} />}</Loaded>
      <Decisions which="in_force" title="Decisions in force" none="Nobody is limited by a decision." onChange={guard.again} />
      <Decisions which="ended" title="Decisions that have ended" none="None has ended since the service was started." />
    </>
  );
}

function Standing({ state }: { state: GuardState }) {
  const { likeness, registration, push_down } = state;
  const percent = (100 * likeness.upper_bound).toFixed(3);
  return (
    <dl class="facts">
      <dt>Load</dt>
      <dd>{state.level === OPEN ? "The service gives all it has to everyone." : `The service has stepped down: ${state.level.replaceAll("_", " ")}.`} Demand over capacity is {state.pressure.toFixed(2)}; {formatCount(state.running)} answers are under way, {formatRequests(state.waiting)} wait.</dd>
      <dt>Registrations</dt>
      <dd>{registration.is_restricted ? `The guard restricts them${registration.since === null ? "" : ` since ${formatTime(registration.since)}`}.` : "As you have set them."}</dd>
      <dt>Likeness to an attack</dt>
      <dd>
        {likeness.is_enforced ? "Enforced." : "In shadow: it is counted and does nothing."} {likeness.why}
        {likeness.asked > 0 && ` Of ${formatRequests(likeness.asked)} of people in good standing it would have accused ${formatCount(likeness.accused)}: at most ${percent} %.`}
      </dd>
      {push_down !== undefined && <><dt>The kernel's list</dt><dd>{push_down.is_on ? `The kernel drops ${formatCount(push_down.addresses)} addresses.` : push_down.why}</dd></>}
    </dl>
  );
}

function useDecisions(which: "in_force" | "ended") {
  const rows = useSignal<Decision[] | null>(null);
  const next = useSignal<string | null>(null);
  const failure = useSignal<unknown>(null);
  const look = async (cursor?: string) => {
    try {
      const page = await listDecisions(which, cursor);
      rows.value = cursor === undefined ? page.decisions : [...(rows.value ?? []), ...page.decisions];
      next.value = page.next;
      failure.value = null;
    } catch (caught) {
      leaveIfOver(caught);
      failure.value = caught;
    }
  };
  useEffect(() => void look(), []);
  return { rows, next, failure, look };
}

function Decisions({ which, title, none, onChange }: { which: "in_force" | "ended"; title: string; none: string; onChange?: () => Promise<void> }) {
  const { rows, next, failure, look } = useDecisions(which);
  const undo = async (id: string) => {
    await undoDecision(id);
    await look();
    await onChange?.();
  };
  return (
    <Section title={title}>
      {failure.value !== null && <Failure failure={failure.value} retry={() => void look()} />}
      {rows.value === null && failure.value === null && <Spinner />}
      {rows.value?.length === 0 && <p>{none}</p>}
      <ul class="rows">{rows.value?.map((each) => <Item key={each.id} decision={each} undo={() => undo(each.id)} />)}</ul>
      {next.value !== null && <button type="button" class="button quiet" onClick={() => void look(next.value ?? undefined)}>More</button>}
    </Section>
  );
}

function Item({ decision, undo }: { decision: Decision; undo: () => Promise<void> }) {
  const isInForce = decision.state === "in_force";
  const end = isInForce ? `until ${formatTime(decision.expires_at)}` : `ended ${formatTime(decision.ended_at ?? decision.expires_at)}`;
  return (
    <li class="row-card tall">
      <div class="row-main">
        <strong>{ACTIONS[decision.action]}: {SCOPES[decision.scope]}</strong> <span class={isInForce ? "tag bad" : "tag"}>{STATES[decision.state]}</span>
        <p class="hint">{decision.id} · rule {decision.rule} · since {formatTime(decision.since)}, {end}{decision.ended_by !== null && `, by ${decision.ended_by}`}</p>
        <p class="hint">{SCOPES[decision.scope]} known here as {decision.name}</p>
        {decision.evidence.length > 0 && (
          <ul class="evidence">
            {decision.evidence.map((each) => <li key={each.detector}>{each.detector}: {each.value.toPrecision(3)}{each.llr !== 0 && `, weighs ${each.llr.toFixed(2)}`}</li>)}
          </ul>
        )}
      </div>
      {isInForce && <Confirm label="Undo" about={`Undo ${decision.id}`} question="End this decision, and pardon whom it is about for a while?" action={undo} />}
    </li>
  );
}
