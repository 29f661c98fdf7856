// The certified provider `oidc-provider` with its own pages for signing in. `node refreshing_provider.js PORT`
// SPOILT names what is wrong: `old-token`, `no-refresh`, `refuses-refresh`, `open-page`, `dead-tokens`.
const { pathToFileURL } = require('url')

const spoilt = new Set((process.env.SPOILT || '').split(',').filter(Boolean))
const issuer = `http://127.0.0.1:${process.argv[2]}`
let last = ''

import(pathToFileURL(require.resolve('oidc-provider'))).then(({ default: Provider }) => {
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'shop-web',
      client_secret: 'secret-of-a-client',
      redirect_uris: ['http://127.0.0.1:9/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code']
    }],
    issueRefreshToken: (context, client, code) => !spoilt.has('no-refresh') && code.scopes.has('offline_access'),
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) })
  })
  provider.use(async (context, next) => {
    await next()
    if (context.path === '/me' && spoilt.has('open-page')) { context.status = 200; context.body = { sub: 'anybody' } }
    if (context.path === '/me' && spoilt.has('dead-tokens') && last && context.get('authorization').endsWith(last)) { context.status = 401 }
    if (context.path !== '/token' || !context.body.access_token) return
    const refreshed = context.oidc.params.grant_type === 'refresh_token'
    if (refreshed && spoilt.has('old-token')) context.body = { ...context.body, access_token: last }
    if (refreshed && spoilt.has('refuses-refresh')) { context.status = 400; context.body = { error: 'invalid_grant' } }
    if (refreshed === spoilt.has('dead-tokens')) last = context.body.access_token || last
  })
  provider.listen(Number(process.argv[2]), '127.0.0.1')
})
