// Which page the address asks for. The addresses:
//   #/  #/c/ID                     the chat, and a conversation in it
//   #/login  #/sign-up[?invitation=]  #/reset[?token=]  #/verify?token=  #/setup?token=
//   #/provider                     what came of a log-in at a provider
//   #/settings[/log-ins|/passkeys|/factor|/devices|/keys|/usage|/data]
//   #/admin[/invitations|/registration|/outbox]
//   #/shared/TOKEN                 a conversation that someone shared
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { later } from "../parts/Later";
import { Failure, Spinner } from "../parts/Notice";
import { question } from "../state/fresh";
import { account, findMe, me, meFailure, receipt } from "../state/me";
import { route } from "../state/route";
import { ChatPage } from "./ChatPage";

type Parts = typeof import("./accounts");
type PageName = Extract<keyof Parts, `${string}Page`>;

const of = (name: PageName) => later(async () => (await import("./accounts"))[name]);

const LogInPage = of("LogInPage");
const SignUpPage = of("SignUpPage");
const ReceiptPage = of("ReceiptPage");
const SettingsPage = of("SettingsPage");
const OperatorPage = of("OperatorPage");
const WhoItIs = later(async () => (await import("./accounts")).WhoItIs, () => null);

// For anyone.
const PUBLIC: Record<string, ComponentType> = {
  login: LogInPage,
  "sign-up": SignUpPage,
  provider: of("ProviderPage"),
  reset: of("ResetPage"),
  verify: of("VerifyPage"),
  setup: of("SetUpPage"),
  shared: of("SharedPage"),
};

// For who is logged in; others log in first, and then are there.
const PRIVATE: Record<string, ComponentType> = { settings: SettingsPage, admin: OperatorPage };

export function App() {
  useEffect(() => void findMe(), []);
  if (me.value === null) {
    const failure = meFailure.value;
    return <main class="card-page">{failure === null ? <Spinner /> : <Failure failure={failure} retry={() => void findMe()} />}</main>;
  }
  const Page = receipt.value === null ? pageOf(route.value.parts[0] ?? "") : ReceiptPage;
  return <><Page />{question.value !== null && account.value !== null && <WhoItIs />}</>;
}

function pageOf(name: string): ComponentType {
  const { account, anonymous } = me.value!;
  const open = PUBLIC[name];
  const isForStrangers = name === "login" || name === "sign-up";
  if (open !== undefined && !(isForStrangers && account !== null)) return open;
  if (account === null) return PRIVATE[name] !== undefined || !anonymous || name === "c" ? LogInPage : ChatPage;
  return PRIVATE[name] ?? ChatPage;
}
