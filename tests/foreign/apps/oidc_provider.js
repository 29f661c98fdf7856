// oidc-provider, a certified OpenID provider, with its own sign-in form: any name is a user. `node oidc_provider.js PORT`
// AUDIENCE is the resource that tokens are for unless a client asks for another one; those of the client `late` live for 3 s.
const port = Number(process.argv[2])
const issuer = `http://127.0.0.1:${port}`
const scopes = 'READ WRITE ADMIN'
const client = (client_id, more) => ({
  client_id, client_secret: 'secret-of-a-test', grant_types: ['client_credentials'], response_types: [], redirect_uris: [], scope: scopes, ...more
})

import(require.resolve('oidc-provider')).then(({ default: Provider }) => {
  const provider = new Provider(issuer, {
    clients: [
      client('web', { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], redirect_uris: ['http://127.0.0.1:9/callback'], scope: `openid offline_access ${scopes}` }),
      client('late'),
      client('job')
    ],
    scopes: ['openid', 'offline_access', ...scopes.split(' ')],
    cookies: { keys: ['a key of a test'] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    pkce: { required: () => true },
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => process.env.AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource, { clientId }) => ({
          scope: scopes, audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: clientId === 'late' ? 3 : 600
        })
      }
    }
  })
  provider.listen(port, '127.0.0.1')
})
