import { stored } from "../state/conversations";
import { isOffered, leaveThem, takeOver } from "../state/takeOver";
import { Failure } from "./Notice";
import { useTask } from "./task";

export function TakeOver() {
  const task = useTask();
  if (!isOffered.value) return null;
  const count = stored.value.length;
  const them = count === 1 ? "it" : "them";
  return (
    <div class="take-over" role="region" aria-label="History of this browser">
      <p>This browser keeps {count === 1 ? "one conversation" : `${count} conversations`} from before you logged in. Take {them} to your account? This browser then forgets {them}.</p>
      <div class="row">
        <button type="button" class="button primary" disabled={task.isBusy.value} onClick={() => void task.run(takeOver)}>Move to my account</button>
        <button type="button" class="button quiet" disabled={task.isBusy.value} onClick={leaveThem}>Leave here</button>
      </div>
      {task.failure.value !== null && <Failure failure={task.failure.value} />}
    </div>
  );
}
