// The link that was sent to a new mail address.
import { verifyEmail } from "../../api/account";
import { Card } from "../../parts/Card";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { account, findMe } from "../../state/me";
import { route } from "../../state/route";

export function VerifyPage() {
  const token = route.value.query.get("token") ?? "";
  const verified = useLoaded(async () => {
    await verifyEmail(token);
    await findMe();
    return true;
  }, token);
  return (
    <Card title="Your mail address">
      <Loaded of={verified}>{() => <p role="status">The address is yours. {account.value === null ? "You can log in, at the latest when an operator has approved the account." : `Welcome, ${account.value.name}.`}</p>}</Loaded>
      <p class="card-links">{account.value === null ? <a href="#/login">Log in</a> : <a href="#/">Go on</a>}</p>
    </Card>
  );
}
