// Mail that was not sent: where there is no mail server, an operator hands its links over.
import { listMail } from "../../api/admin";
import { CopyButton } from "../../parts/CopyButton";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { formatTime } from "../../text/format";

export function OutboxSection() {
  const mail = useLoaded(listMail);
  return (
    <>
      <p>Without a mail server, what would be sent stays here. Hand it to the person over a way you trust. With one, only whether it went.</p>
      <Loaded of={mail}>
        {(list) => list.length === 0 ? <p>The outbox is empty.</p> : (
          <ul class="rows">
            {list.map((each) => (
              <li key={each.id} class="row-card tall">
                <div class="row-main">
                  <strong>{each.subject}</strong> <span class={each.error === null ? "tag" : "tag bad"}>{each.sent_at === null ? (each.error === null ? "Waits" : "Failed") : "Sent"}</span>
                  <p class="hint">To {each.to}, {formatTime(each.created_at)}{each.error !== null && ` · ${each.error}`}</p>
                  {each.text !== null && (
                    <details>
                      <summary>Text</summary>
                      <pre class="mail" tabIndex={0}>{each.text}</pre>
                    </details>
                  )}
                </div>
                {each.text !== null && <CopyButton text={each.text} label={`Copy the mail to ${each.to}`} />}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </>
  );
}
