// What operators see to.
import type { ComponentType } from "preact";
import { Card } from "../../parts/Card";
import { type Tab, Sheet } from "../../parts/Sheet";
import { account } from "../../state/me";
import { route } from "../../state/route";
import { AccountsSection } from "./AccountsSection";
import { GuardSection } from "./GuardSection";
import { InvitationsSection } from "./InvitationsSection";
import { OutboxSection } from "./OutboxSection";
import { RegistrationSection } from "./RegistrationSection";

const SECTIONS: (Tab & { body: ComponentType })[] = [
  { path: "/admin", title: "Accounts", body: AccountsSection },
  { path: "/admin/invitations", title: "Invitations", body: InvitationsSection },
  { path: "/admin/registration", title: "Registration", body: RegistrationSection },
  { path: "/admin/guard", title: "Guard", body: GuardSection },
  { path: "/admin/outbox", title: "Outbox", body: OutboxSection },
];

export function OperatorPage() {
  if (account.value?.role !== "operator") {
    return <Card title="For operators"><p>Your account is not an operator's.</p><p class="card-links"><a href="#/">Back to the chat</a></p></Card>;
  }
  const path = `/${route.value.parts.join("/")}`;
  const section = SECTIONS.find((each) => each.path === path) ?? SECTIONS[0]!;
  const Body = section.body;
  return (
    <Sheet name="Operators" tabs={SECTIONS} current={section.path}>
      <PasswordAlone />
      <Body />
    </Sheet>
  );
}

// What operators do could harm everyone.
function PasswordAlone() {
  const { totp, passkeys } = account.value!;
  if (totp || passkeys > 0) return null;
  return (
    <p class="notice-box">
      Only a password protects your account, and who finds it out can do what you can. <a href="#/settings/passkeys">Add a passkey</a> or <a href="#/settings/factor">set up a second factor</a>.
    </p>
  );
}
