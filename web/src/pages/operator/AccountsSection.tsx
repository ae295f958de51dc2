// The accounts: find one, let it in, pause it with a reason, undo that, set its quota.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type AccountRow, type Quota, approve, endSessions, listAccounts, restrict, setQuota, unrestrict } from "../../api/admin";
import { Confirm } from "../../parts/Confirm";
import { Field, Form, type Values } from "../../parts/Form";
import { Failure, Spinner } from "../../parts/Notice";
import { leaveIfOver } from "../../state/me";
import { endOfDay, formatAge, formatCount, formatDate } from "../../text/format";

const STATES: Record<AccountRow["state"], string> = {
  active: "Active",
  pending_email: "Mail not verified",
  pending_approval: "Waits for approval",
  restricted: "Paused",
};
const TYPING_MS = 250;

export function AccountsSection() {
  const { query, rows, next, failure, find, more } = useAccounts();
  return (
    <>
      <div class="field">
        <label for="accounts-query">Search by name or mail address</label>
        <input id="accounts-query" type="search" autocomplete="off" value={query.value} onInput={(event) => (query.value = event.currentTarget.value)} />
      </div>
      {failure.value !== null && <Failure failure={failure.value} retry={() => void find()} />}
      {rows.value === null && failure.value === null && <Spinner />}
      {rows.value?.length === 0 && <p>No account is like this.</p>}
      <ul class="rows">{rows.value?.map((row) => <AccountItem key={row.id} row={row} onChanged={find} />)}</ul>
      {next.value !== null && <button type="button" class="button quiet" onClick={() => void more()}>More</button>}
    </>
  );
}

function useAccounts() {
  const query = useSignal("");
  const rows = useSignal<AccountRow[] | null>(null);
  const next = useSignal<string | null>(null);
  const failure = useSignal<unknown>(null);
  const look = async (cursor?: string) => {
    const asked = query.value;
    try {
      const page = await listAccounts(asked, cursor);
      if (asked !== query.value) return;
      rows.value = cursor === undefined ? page.accounts : [...(rows.value ?? []), ...page.accounts];
      next.value = page.next;
      failure.value = null;
    } catch (caught) {
      leaveIfOver(caught);
      failure.value = caught;
    }
  };
  useEffect(() => {
    const timer = window.setTimeout(() => void look(), rows.value === null ? 0 : TYPING_MS);
    return () => clearTimeout(timer);
  }, [query.value]);
  return { query, rows, next, failure, find: () => look(), more: () => look(next.value ?? undefined) };
}

function AccountItem({ row, onChanged }: { row: AccountRow; onChanged: () => Promise<void> }) {
  const open = useSignal<"restrict" | "quota" | null>(null);
  const then = (action: Promise<void>) => action.then(onChanged);
  const close = () => (open.value = null);
  const seen = row.last_seen_at === null ? "never seen" : `seen ${formatAge(row.last_seen_at)}`;
  const flip = (which: "restrict" | "quota") => (open.value = open.value === which ? null : which);
  return (
    <li class="row-card tall">
      <div class="row-main">
        <strong>{row.name}</strong> <span class={row.state === "restricted" ? "tag bad" : "tag"}>{STATES[row.state]}</span> {row.role === "operator" && <span class="tag">Operator</span>}
        <p class="hint">{row.email !== null && `${row.email} · `}since {formatDate(row.created_at)}, {seen} · {formatCount(row.tokens_today)}{row.tokens_per_day != null && ` of ${formatCount(row.tokens_per_day)}`} tokens today</p>
        {row.restriction && <p class="hint">Paused{row.restriction.until !== null && ` until ${formatDate(row.restriction.until)}`}: {row.restriction.reason}</p>}
      </div>
      <div class="row-actions">
        {row.state === "pending_approval" && <Confirm label="Approve" about={`Approve ${row.name}`} question="Let this account in?" action={() => then(approve(row.id))} />}
        {row.restriction ? (
          <Confirm label="Lift the pause" about={`Lift the pause of ${row.name}`} question="Let this account go on?" action={() => then(unrestrict(row.id))} />
        ) : (
          <button type="button" class="button quiet" aria-expanded={open.value === "restrict"} aria-label={`Pause ${row.name}`} onClick={() => flip("restrict")}>Pause…</button>
        )}
        <Confirm label="Log out" about={`Log ${row.name} out`} question="End every session of this account?" action={() => then(endSessions(row.id))} />
        <button type="button" class="button quiet" aria-expanded={open.value === "quota"} aria-label={`Quota of ${row.name}`} onClick={() => flip("quota")}>Quota…</button>
      </div>
      {open.value === "restrict" && <RestrictForm onDone={close} act={(reason, until) => then(restrict(row.id, reason, until))} />}
      {open.value === "quota" && <QuotaForm row={row} onDone={close} act={(quota) => then(setQuota(row.id, quota))} />}
    </li>
  );
}

function RestrictForm({ act, onDone }: { act: (reason: string, until: number | null) => Promise<void>; onDone: () => void }) {
  return (
    <Form action={(values: Values) => act(values("reason"), endOfDay(values("until")) ?? null)} button="Pause the account" onDone={onDone} danger>
      <Field label="Reason" name="reason" autocomplete="off" hint="The person reads it." focus />
      <Field label="Until" name="until" type="date" hint="Empty: until it is lifted." optional />
    </Form>
  );
}

function QuotaForm({ row, act, onDone }: { row: AccountRow; act: (quota: Quota) => Promise<void>; onDone: () => void }) {
  const set = (values: Values) => act({ tokens_per_day: numberOrNull(values("tokens")), requests_at_once: numberOrNull(values("at-once")) });
  return (
    <Form action={set} button="Set the quota" onDone={onDone}>
      <Field label="Tokens a day" name="tokens" type="number" min={0} value={String(row.tokens_per_day ?? "")} inputMode="numeric" autocomplete="off" hint="Empty: what the service gives everyone." optional focus />
      <Field label="Requests at once" name="at-once" type="number" min={0} value={String(row.requests_at_once ?? "")} inputMode="numeric" autocomplete="off" hint="Empty: what the service gives everyone. 0: as many as the service can take." optional />
    </Form>
  );
}

function numberOrNull(text: string): number | null {
  return text === "" ? null : Number(text);
}
