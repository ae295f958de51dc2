// A button for what cannot be undone: it asks once more, in its place. The focus goes with it.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./Notice";
import { useFocus } from "./focus";
import { useTask } from "./task";

interface ConfirmOptions {
  label: string;
  question: string;
  // Read out instead of the label, where several buttons have the same one.
  about?: string;
  action: () => Promise<unknown>;
}

export function Confirm(options: ConfirmOptions) {
  const [isAsking, setAsking] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  useLayoutEffect(() => {
    if (wasAsking.current) button.current?.focus();
    wasAsking.current = isAsking;
  }, [isAsking]);
  if (isAsking) return <Question {...options} onEnd={() => setAsking(false)} />;
  return <button type="button" class="button quiet" ref={button} aria-label={options.about} onClick={() => setAsking(true)}>{options.label}</button>;
}

function Question({ label, question, action, onEnd }: ConfirmOptions & { onEnd: () => void }) {
  const task = useTask();
  const yes = useFocus<HTMLButtonElement>();
  return (
    <span class="confirm" role="group" aria-label={question}>
      <span>{question}</span>
      <button type="button" class="button danger" ref={yes} disabled={task.isBusy.value} onClick={() => void task.run(action).then((isDone) => isDone && onEnd())}>{label}</button>
      <button type="button" class="button quiet" onClick={onEnd}>Keep</button>
      {task.failure.value !== null && <Failure failure={task.failure.value} />}
    </span>
  );
}
