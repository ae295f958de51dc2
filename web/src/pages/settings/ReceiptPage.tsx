// What is left of an account that was deleted: the proof of it.
import { Card } from "../../parts/Card";
import { CopyButton } from "../../parts/CopyButton";
import { receipt, startOver } from "../../state/me";
import { formatTime } from "../../text/format";

export function ReceiptPage() {
  const given = receipt.value!;
  const backups = given.backups.kept_until === null ? given.backups.note : `Backups hold it until ${formatTime(given.backups.kept_until)}. ${given.backups.note}`;
  const lines = [`Receipt ${given.id}`, `The account ${given.name} was deleted ${formatTime(given.deleted_at)}.`, ...given.what, backups];
  return (
    <Card title="Your account is deleted">
      <p role="status">The account {given.name} was deleted {formatTime(given.deleted_at)}. With it went:</p>
      <ul>{given.what.map((line) => <li key={line}>{line}</li>)}</ul>
      <p>{backups}</p>
      <p class="row">Receipt <code>{given.id}</code> <CopyButton text={lines.join("\n")} label="Copy the receipt" /></p>
      <button type="button" class="button primary" onClick={startOver}>Close</button>
    </Card>
  );
}
