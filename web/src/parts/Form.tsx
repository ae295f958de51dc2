// Forms: labels, hints and errors tied to their fields. The values are the form's own; `action` gets
// them when it is sent.
import type { ComponentChildren } from "preact";
import { createContext } from "preact";
import { useContext, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { reasonOf, wordsOf } from "../text/reasons";
import { Failure } from "./Notice";
import { type Task, useTask } from "./task";

export type Values = (name: string) => string;

interface FormOptions {
  action: (values: Values) => Promise<unknown>;
  button: string;
  // Which field each reason is about; others stand above the button.
  fields?: Record<string, string>;
  onDone?: () => void;
  // Emptied after it was sent.
  clears?: boolean;
  danger?: boolean;
  children: ComponentChildren;
}

const Failed = createContext<{ task: Task; fields: Record<string, string> } | null>(null);

export function Form({ action, button, fields = {}, onDone, clears, danger, children }: FormOptions) {
  const task = useTask();
  const form = useRef<HTMLFormElement>(null);
  const failure = task.failure.value;
  const isOfField = failure !== null && reasonOf(failure) in fields;
  const send = async (event: Event) => {
    event.preventDefault();
    const data = new FormData(form.current!);
    const isDone = await task.run(() => action((name) => String(data.get(name) ?? "")));
    if (!isDone) return;
    if (clears) form.current?.reset();
    onDone?.();
  };
  return (
    <Failed.Provider value={{ task, fields }}>
      <form class="form" ref={form} onSubmit={(event) => void send(event)}>
        {children}
        {failure !== null && !isOfField && <Failure failure={failure} />}
        <button type="submit" class={danger ? "button danger" : "button primary"} disabled={task.isBusy.value}>
          {task.isBusy.value ? "One moment…" : button}
        </button>
      </form>
    </Failed.Provider>
  );
}

export interface FieldOptions {
  label: string;
  name: string;
  type?: string;
  hint?: ComponentChildren;
  autocomplete?: string;
  value?: string;
  optional?: boolean;
  min?: number | string;
  maxLength?: number;
  inputMode?: "numeric" | "text" | "email";
  focus?: boolean;
  list?: string;
}

// The attributes of an input by which its hint and its error are read out with it.
function useTies(name: string, hasHint: boolean) {
  const id = useId();
  const failed = useContext(Failed);
  const failure = failed?.task.failure.value ?? null;
  const error = failure !== null && failed?.fields[reasonOf(failure)] === name ? wordsOf(failure) : null;
  const described = [error && `${id}-error`, hasHint && `${id}-hint`].filter(Boolean).join(" ");
  return { id, error, ties: { id, name, "aria-invalid": error !== null, "aria-describedby": described || undefined } };
}

export function Field({ label, name, hint, optional, focus, value, type = "text", ...rest }: FieldOptions) {
  const { id, error, ties } = useTies(name, hint !== undefined);
  const input = useRef<HTMLInputElement>(null);
  const [isShown, setShown] = useState(false);
  const isPassword = type === "password";
  useLayoutEffect(() => {
    if (focus) input.current!.focus();
  }, []);
  useLayoutEffect(() => {
    if (error !== null) input.current!.focus();
  }, [error]);
  return (
    <div class="field">
      <label for={id}>{label}{optional && <span class="optional"> (optional)</span>}</label>
      <div class="input-row">
        <input ref={input} {...ties} {...rest} type={isShown ? "text" : type} defaultValue={value} required={!optional} spellcheck={false} autocapitalize="none" />
        {isPassword && (
          <button type="button" class="link-button" aria-pressed={isShown} aria-label={`Show ${label.toLowerCase()}`} onClick={() => setShown(!isShown)}>
            {isShown ? "Hide" : "Show"}
          </button>
        )}
      </div>
      {hint !== undefined && <p class="hint" id={`${id}-hint`}>{hint}</p>}
      {error !== null && <p class="field-error" role="alert" id={`${id}-error`}>{error}</p>}
    </div>
  );
}

export function Select({ label, name, value, choices, hint }: { label: string; name: string; value?: string; hint?: string; choices: [string, string][] }) {
  const { id, ties } = useTies(name, hint !== undefined);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select {...ties} defaultValue={value}>
        {choices.map(([key, words]) => <option key={key} value={key} selected={key === value}>{words}</option>)}
      </select>
      {hint !== undefined && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

// For password managers: whose password a form is about.
export function Username({ name }: { name: string }) {
  return <input class="unseen" type="text" name="username" autocomplete="username" value={name} readOnly tabIndex={-1} aria-hidden="true" />;
}

const PASSWORD_HINT = "A few words that do not belong together are good, and easy to type.";

export function NewPassword({ bytesMin = 15, name = "password", label = "Password" }: { bytesMin?: number; name?: string; label?: string }) {
  return <Field label={label} name={name} type="password" autocomplete="new-password" hint={`At least ${bytesMin} characters. ${PASSWORD_HINT}`} />;
}
