// A second factor: a code from an app, beside the password. Recovery codes are shown once.
import { useSignal } from "@preact/signals";
import { type TotpOffer, confirmTotp, offerTotp, removeTotp } from "../../api/account";
import { CopyButton, Secret } from "../../parts/CopyButton";
import { ForOwner } from "../../parts/ForOwner";
import { Field, Form, Username, type Values } from "../../parts/Form";
import { Section } from "../../parts/Sheet";
import { account, findMe } from "../../state/me";

export function TotpSection() {
  const offer = useSignal<TotpOffer | null>(null);
  const codes = useSignal<string[] | null>(null);
  const finish = async () => {
    codes.value = null;
    offer.value = null;
    await findMe();
  };
  if (codes.value !== null) return <RecoveryCodes codes={codes.value} onKept={() => void finish()} />;
  if (offer.value !== null) return <Confirm offer={offer.value} onCodes={(list) => (codes.value = list)} onLeave={() => (offer.value = null)} />;
  return account.value!.totp ? <Remove /> : <Offer onOffer={(found) => (offer.value = found)} />;
}

function Offer({ onOffer }: { onOffer: (offer: TotpOffer) => void }) {
  return (
    <Section title="Not set up yet">
      <p>With a second factor, who finds out your password still cannot log in. You need an authenticator app on your phone or in your password manager.</p>
      <ForOwner section="factor" what="set it up">
        {(password) => (
          <Form action={async (values: Values) => onOffer(await offerTotp(values("password")))} button="Set it up" fields={{ wrong_credentials: "password" }}>
            <Username name={account.value!.name} />
            {password}
          </Form>
        )}
      </ForOwner>
    </Section>
  );
}

function Confirm({ offer, onCodes, onLeave }: { offer: TotpOffer; onCodes: (codes: string[]) => void; onLeave: () => void }) {
  const picture = `data:image/svg+xml;utf8,${encodeURIComponent(offer.qr_svg)}`;
  return (
    <Section title="Scan this">
      <div class="totp">
        <img class="qr" src={picture} alt="QR code with the secret for your authenticator app" width={200} height={200} />
        <div>
          <p>Scan it with your authenticator app, or <a href={offer.uri}>open it on this device</a>, or type the secret in:</p>
          <Secret text={offer.secret} label="Copy the secret" />
          <Form action={async (values: Values) => onCodes(await confirmTotp(values("code").trim()))} button="Confirm" fields={{ wrong_credentials: "code" }}>
            <Field label="The code that it shows now" name="code" autocomplete="one-time-code" inputMode="numeric" focus />
          </Form>
          <p class="card-links"><button type="button" class="link-button" onClick={onLeave}>Leave it for now</button></p>
        </div>
      </div>
    </Section>
  );
}

function RecoveryCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  return (
    <Section title="Your recovery codes">
      <p><strong>They are shown this once.</strong> Keep them where you find them without your phone. Each lets you in once in place of a code from the app.</p>
      <ul class="codes">{codes.map((code) => <li key={code}><code>{code}</code></li>)}</ul>
      <p class="row">
        <span>Copy all of them</span> <CopyButton text={codes.join("\n")} label="Copy all codes" />
      </p>
      <button type="button" class="button primary" onClick={onKept}>I have kept them</button>
    </Section>
  );
}

function Remove() {
  const left = account.value!.recovery_codes_left;
  const remove = async (values: Values) => {
    await removeTotp(values("password"), values("code").trim());
    await findMe();
  };
  return (
    <>
      <Section title="It is on">
        <p>{left === 1 ? "One recovery code is left." : `${left} recovery codes are left.`} {left < 3 && "Remove the second factor and set it up again to get new ones."}</p>
      </Section>
      <Section title="Remove it">
        <ForOwner section="factor" what="remove it">
          {(password) => (
            <Form action={remove} button="Remove the second factor" fields={{ wrong_credentials: "password" }} danger>
              <Username name={account.value!.name} />
              {password}
              <Field label="A code from the app, or a recovery code" name="code" autocomplete="one-time-code" />
            </Form>
          )}
        </ForOwner>
      </Section>
    </>
  );
}
