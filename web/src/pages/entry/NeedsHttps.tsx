// Over plain HTTP from another machine a session could be read on the way, so there is none.
export function NeedsHttps() {
  return (
    <div class="notice-box" role="note">
      <p><strong>Logging in needs an encrypted connection.</strong> This page came over plain HTTP from another machine, where a password and a session could be read on the way. Who runs this service can mend it in one of three ways:</p>
      <ul>
        <li><code>holdfast certificate self-signed</code> makes a certificate in a moment. Browsers warn once, as nobody vouches for it.</li>
        <li>Certificate files of one's own, named in the settings of the gateway.</li>
        <li>A proxy in front that speaks HTTPS and that the gateway is told to trust.</li>
      </ul>
      <p>On the machine itself, <code>http://localhost</code> works as it is.</p>
    </div>
  );
}
