// A button for what cannot be undone: it asks once more, in its place.
import { useState } from "preact/hooks";
import { Failure } from "./Notice";
import { useTask } from "./task";

interface ConfirmOptions {
  label: string;
  question: string;
  // Read out instead of the label, where several buttons have the same one.
  about?: string;
  action: () => Promise<unknown>;
}

export function Confirm({ label, question, about, action }: ConfirmOptions) {
  const [isAsking, setAsking] = useState(false);
  const task = useTask();
  if (!isAsking) {
    return <button type="button" class="button quiet" aria-label={about} onClick={() => setAsking(true)}>{label}</button>;
  }
  return (
    <span class="confirm" role="group" aria-label={question}>
      <span>{question}</span>
      <button type="button" class="button danger" disabled={task.isBusy.value} autofocus onClick={() => void task.run(action).then((isDone) => isDone && setAsking(false))}>{label}</button>
      <button type="button" class="button quiet" onClick={() => setAsking(false)}>Keep</button>
      {task.failure.value !== null && <Failure failure={task.failure.value} />}
    </span>
  );
}
