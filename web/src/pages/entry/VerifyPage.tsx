// The link that was sent to a new mail address.
import { verifyEmail } from "../../api/account";
import { Card } from "../../parts/Card";
import { Loaded, useLoaded } from "../../parts/Loaded";
import { findMe } from "../../state/me";
import { route } from "../../state/route";

export function VerifyPage() {
  const token = route.value.query.get("token") ?? "";
  const verified = useLoaded(async () => {
    const { account } = await verifyEmail(token);
    await findMe();
    return account;
  }, token);
  return (
    <Card title="Your mail address">
      <Loaded of={verified}>{(account) => <p role="status">{account.email ?? "The address"} is yours. The account {account.name} is ready.</p>}</Loaded>
      <p class="card-links"><a href="#/">Go on</a></p>
    </Card>
  );
}
