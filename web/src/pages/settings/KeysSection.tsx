// Keys for programs: what each may do, what it used, and until when it works.
import { useSignal } from "@preact/signals";
import { type ApiKey, endKey, listKeys, makeKey } from "../../api/account";
import { Confirm } from "../../parts/Confirm";
import { Secret, ShownOnce } from "../../parts/CopyButton";
import { Field, Form, type Values } from "../../parts/Form";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { Section } from "../../parts/Sheet";
import { endOfDay, formatAge, formatCount, formatDate, formatRequests } from "../../text/format";

export function KeysSection() {
  const keys = useLoaded(listKeys);
  const made = useSignal<string | null>(null);
  const make = async (values: Values) => {
    made.value = await makeKey({
      name: values("name"),
      expires_at: endOfDay(values("expires")),
      models: wordsIn(values("models")),
      routes: wordsIn(values("routes")),
      tokens_per_day: numberIn(values("tokens")),
      requests_at_once: numberIn(values("at-once")),
    });
    await keys.again();
  };
  const end = async (id: string) => {
    await endKey(id);
    await keys.again();
  };
  return (
    <>
      {made.value !== null && (
        <ShownOnce key={made.value}>
          <p><strong>Your new key. It is shown this once;</strong> copy it to where it will be used.</p>
          <Secret text={made.value} label="Copy the key" />
          <button type="button" class="button quiet" onClick={() => (made.value = null)}>I have kept it</button>
        </ShownOnce>
      )}
      <Loaded of={keys}>
        {(list) => list.length === 0 ? <p>You have no keys yet.</p> : <ul class="rows">{list.map((key) => <Key key={key.id} apiKey={key} onEnd={() => end(key.id)} />)}</ul>}
      </Loaded>
      <Section title="Make a key"><MakeKey make={make} /></Section>
    </>
  );
}

function numberIn(text: string): number | undefined {
  return text === "" ? undefined : Number(text);
}

// "a, b c" → ["a", "b", "c"]; none: undefined, which leaves everything allowed.
function wordsIn(text: string): string[] | undefined {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  return words.length === 0 ? undefined : words;
}

function Key({ apiKey, onEnd }: { apiKey: ApiKey; onEnd: () => Promise<void> }) {
  const used = apiKey.last_used_at === null ? "never used" : `last used ${formatAge(apiKey.last_used_at)}`;
  const limit = apiKey.tokens_per_day === null ? "" : ` of ${formatCount(apiKey.tokens_per_day)}`;
  const isOver = apiKey.expires_at !== null && apiKey.expires_at < Date.now();
  return (
    <li class="row-card">
      <div class="row-main">
        <strong>{apiKey.name}</strong> <code>{apiKey.prefix}…</code> {isOver && <span class="tag bad">Expired</span>}
        <p class="hint">
          Made {formatDate(apiKey.created_at)}, {used}
          {apiKey.expires_at !== null && `, until ${formatDate(apiKey.expires_at)}`} · {formatCount(apiKey.tokens_today)}{limit} tokens today
          {apiKey.requests_at_once != null && `, at most ${formatRequests(apiKey.requests_at_once)} at once`}
        </p>
        {apiKey.models.length > 0 && <p class="hint">Only the models {apiKey.models.join(", ")}</p>}
        {apiKey.routes.length > 0 && <p class="hint">Only {apiKey.routes.join(", ")}</p>}
      </div>
      <Confirm label="Revoke" about={`Revoke the key ${apiKey.name}`} question="Programs with this key stop working." action={onEnd} />
    </li>
  );
}

function MakeKey({ make }: { make: (values: Values) => Promise<void> }) {
  return (
    <Form action={make} button="Make the key" clears>
      <Field label="Name" name="name" autocomplete="off" hint="What uses it, so that you know it later." maxLength={64} />
      <div class="field-pair">
        <Field label="Works until" name="expires" type="date" optional />
        <Field label="Tokens a day" name="tokens" type="number" min={1} inputMode="numeric" autocomplete="off" optional />
        <Field label="Requests at once" name="at-once" type="number" min={1} inputMode="numeric" autocomplete="off" optional />
      </div>
      <Field label="Only these models" name="models" autocomplete="off" hint="Names, apart by spaces. Empty: all." optional />
      <Field label="Only these routes" name="routes" autocomplete="off" hint="For example /v1/chat/completions. Empty: all." optional />
    </Form>
  );
}
