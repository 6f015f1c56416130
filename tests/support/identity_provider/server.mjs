// A real OpenID Connect provider on loopback, for tests of single sign-on.
//
// It logs in whoever it was told to (POST /_account with JSON: sub, email, email_verified, name, groups) without asking, as
// a provider does for somebody who has a session there. It demands PKCE, and a secret of its one client.
import http from "node:http";
import Provider from "oidc-provider";

const { CLIENT_ID, CLIENT_SECRET, REDIRECT_URI } = process.env;
let account = { sub: "nobody" };
let provider;

const server = http.createServer(async (request, response) => {
  try {
    if (request.url === "/_account" && request.method === "POST") {
      const pieces = [];
      for await (const piece of request) pieces.push(piece);
      account = JSON.parse(Buffer.concat(pieces).toString());
      response.writeHead(204).end();
    } else if (request.url.startsWith("/interaction/")) {
      const details = await provider.interactionDetails(request, response);
      await provider.interactionFinished(request, response, await answered(details), { mergeWithLastSubmission: true });
    } else {
      provider.callback()(request, response);
    }
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});

async function answered({ prompt, params, session }) {
  if (account.refuses) return { error: "access_denied" };
  if (prompt.name === "login") return { login: { accountId: account.sub, remember: false } };
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  grant.addOIDCClaims(["groups"]);
  return { consent: { grantId: await grant.save() } };
}

server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  provider = new Provider(issuer, {
    clients: [{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, redirect_uris: [REDIRECT_URI] }],
    findAccount: (_context, sub) => ({ accountId: sub, claims: async () => ({ ...account, sub }) }),
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    cookies: { keys: ["of tests alone"] },
  });
  console.log(JSON.stringify({ issuer }));
});
