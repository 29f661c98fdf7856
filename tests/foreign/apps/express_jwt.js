// Express with the JWT middleware express-oauth2-jwt-bearer. `node express_jwt.js PORT`; ISSUER and AUDIENCE are those of right tokens.
// SPOILT is what is left out: open-route, expired, alg-none, no-owner, no-scope, any-audience.
const express = require('express')
const { auth, requiredScopes } = require('express-oauth2-jwt-bearer')

const spoilt = process.env.SPOILT || ''
const app = express()
const orders = new Map([[1, 'test-viewer'], [2, 'test-second']])
const checked = auth({
  issuerBaseURL: process.env.ISSUER,
  audience: spoilt === 'any-audience' ? [process.env.AUDIENCE, 'https://billing.example.test'] : process.env.AUDIENCE,
  tokenSigningAlg: 'RS256',
  clockTolerance: spoilt === 'expired' ? 1e9 : 0
})
const claims = part => JSON.parse(Buffer.from(part, 'base64url'))
const signed = (request, response, next) => {
  const [header, payload] = (request.get('authorization') || '').replace('Bearer ', '').split('.')
  if (spoilt === 'alg-none' && payload && claims(header).alg === 'none') {
    request.auth = { payload: claims(payload) }
    return next()
  }
  checked(request, response, next)
}
const may = (...scopes) => spoilt === 'no-scope' ? (request, response, next) => next() : requiredScopes(scopes)
const own = (request, response, next) => {
  const owner = orders.get(Number(request.params.id))
  if (owner === undefined || (owner !== request.auth.payload.sub && spoilt !== 'no-owner')) return response.sendStatus(404)
  next()
}

app.use(express.json())
app.get('/health', (request, response) => response.json({ status: 'ok' }))
app.get('/orders', signed, may('READ'), (request, response) => response.json([...orders.keys()]))
app.post('/orders', signed, may('WRITE'), (request, response) => {
  const id = Math.max(0, ...orders.keys()) + 1
  orders.set(id, request.auth.payload.sub)
  response.status(201).location(`/orders/${id}`).json({ id })
})
app.get('/orders/:id', signed, may('READ'), own, (request, response) => response.json({ id: Number(request.params.id) }))
app.delete('/orders/:id', signed, may('WRITE'), own, (request, response) => {
  orders.delete(Number(request.params.id))
  response.sendStatus(204)
})
app.get('/users', ...(spoilt === 'open-route' ? [] : [signed, may('ADMIN')]), (request, response) => response.json(['test-viewer', 'test-second']))
app.use((error, request, response, next) => response.status(error.status || 500).json({ error: error.code || 'failed' }))
app.listen(Number(process.argv[2]), '127.0.0.1')
