// One's own account.
import type { ComponentType } from "preact";
import { Restricted } from "../../parts/Restricted";
import { type Tab, Sheet } from "../../parts/Sheet";
import { route } from "../../state/route";
import { DataSection } from "./DataSection";
import { DevicesSection } from "./DevicesSection";
import { KeysSection } from "./KeysSection";
import { LogInsSection } from "./LogInsSection";
import { PasskeysSection } from "./PasskeysSection";
import { ProfileSection } from "./ProfileSection";
import { TotpSection } from "./TotpSection";
import { UsageSection } from "./UsageSection";

const SECTIONS: (Tab & { body: ComponentType })[] = [
  { path: "/settings", title: "Profile", body: ProfileSection },
  { path: "/settings/log-ins", title: "Log-ins", body: LogInsSection },
  { path: "/settings/passkeys", title: "Passkeys", body: PasskeysSection },
  { path: "/settings/factor", title: "Second factor", body: TotpSection },
  { path: "/settings/devices", title: "Devices", body: DevicesSection },
  { path: "/settings/keys", title: "API keys", body: KeysSection },
  { path: "/settings/usage", title: "Usage", body: UsageSection },
  { path: "/settings/data", title: "Your data", body: DataSection },
];

export function SettingsPage() {
  const path = `/${route.value.parts.join("/")}`;
  const section = SECTIONS.find((each) => each.path === path) ?? SECTIONS[0]!;
  const Body = section.body;
  return (
    <Sheet name="Settings" tabs={SECTIONS} current={section.path}>
      <Restricted />
      <Body />
    </Sheet>
  );
}
