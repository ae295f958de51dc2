// Where one is logged in.
import { type Session, endOtherSessions, endSession, listSessions } from "../../api/account";
import { Confirm } from "../../parts/Confirm";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { formatAge, formatDate } from "../../text/format";

export function DevicesSection() {
  const sessions = useLoaded(listSessions);
  const end = async (action: Promise<void>) => {
    await action;
    await sessions.again();
  };
  return (
    <Loaded of={sessions}>
      {(list) => (
        <>
          <p>You are logged in here. End what you do not know, and change your password then.</p>
          <ul class="rows">
            {list.map((session) => <Device key={session.id} session={session} onEnd={() => end(endSession(session.id))} />)}
          </ul>
          {list.length > 1 && <Confirm label="End all others" question="End every session but this one?" action={() => end(endOtherSessions())} />}
        </>
      )}
    </Loaded>
  );
}

function Device({ session, onEnd }: { session: Session; onEnd: () => Promise<void> }) {
  return (
    <li class="row-card">
      <div class="row-main">
        <strong>{session.device}</strong> {session.current && <span class="tag">This device</span>}
        <p class="hint">Last used {formatAge(session.last_used_at)}, since {formatDate(session.created_at)}</p>
      </div>
      {!session.current && <Confirm label="End" about={`End the session of ${session.device}`} question="End this session?" action={onEnd} />}
    </li>
  );
}
