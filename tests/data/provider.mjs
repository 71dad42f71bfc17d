// A real OpenID provider (oidc-provider, OpenID Certified) for one client: `node provider.mjs PORT REDIRECT_URI SECRET`.
// Its own development pages let anybody in by any name and password.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../js/', import.meta.url));
const { Provider } = await import(require.resolve('oidc-provider'));
const [port, redirectUri, secret] = process.argv.slice(2);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'voxy', client_secret: secret, redirect_uris: [redirectUri], response_types: ['code'],
    grant_types: ['authorization_code'], token_endpoint_auth_method: 'client_secret_basic',
  }],
  pkce: { required: () => true },
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
  findAccount: (_, id) => ({
    accountId: id, claims: async () => ({ sub: id, preferred_username: id, groups: id === 'root' ? ['admins'] : [] }),
  }),
  cookies: { keys: ['of no worth, this is a test'] },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
