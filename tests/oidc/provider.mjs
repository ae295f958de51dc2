// A real OpenID provider on this machine (npm `oidc-provider`), with people of its own, whose pages
// are two plain forms. For tests in Node.
import http from "node:http";
import { Provider } from "oidc-provider";

const CLIENT = { id: "holdfast", secret: "a secret of forty bytes, for tests alone" };

// Of a person: { email, email_verified, preferred_username }.
export async function startProvider({ people, redirectUris }) {
  // Where a browser is sent with its answer. A test may put another address in the place of it.
  let divert = (to) => to;
  let handle;
  const server = http.createServer((request, response) => handle(request, response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(url, {
    clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: redirectUris, grant_types: ["authorization_code"], response_types: ["code"] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"] },
    // In the ID token itself: nothing else is asked for.
    conformIdTokenClaims: false,
    cookies: { keys: ["of tests"] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
  });
  const callback = provider.callback();
  handle = (request, response) => {
    const setHeader = response.setHeader.bind(response);
    response.setHeader = (name, value) => setHeader(name, name.toLowerCase() === "location" && String(value).includes("/callback?") ? divert(value) : value);
    if (request.url === "/held") return response.writeHead(200, { "content-type": "text/html" }).end(page("Held", ""));
    return (request.url.startsWith("/interaction/") ? interact(provider, request, response) : callback(request, response));
  };
  return {
    url,
    client: CLIENT,
    // The next answer as `change` makes it; the ones after that as they are.
    divertNext(change) {
      divert = (to) => {
        divert = (each) => each;
        return change(to);
      };
    },
    // Keeps the next answer back, and gives it to who asks.
    holdNext() {
      return new Promise((resolve) => this.divertNext((to) => (resolve(to), `${url}/held`)));
    },
    async stop() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

const page = (title, body) => `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>${body}`;

async function interact(provider, request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (request.method === "GET") {
    const form =
      prompt.name === "login"
        ? page("Who are you?", '<form method="post"><label>Who <input name="who"></label><button name="do" value="go">Go on</button><button name="do" value="no">Call it off</button></form>')
        : page("Is that all right?", '<form method="post"><button name="do" value="go">Yes</button></form>');
    response.writeHead(200, { "content-type": "text/html" }).end(form);
    return;
  }
  const values = new URLSearchParams(await bodyOf(request));
  if (values.get("do") === "no") return provider.interactionFinished(request, response, { error: "access_denied", error_description: "<b>raw words of the provider</b>" });
  if (prompt.name === "login") return provider.interactionFinished(request, response, { login: { accountId: values.get("who") } });
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text;
}
