// Express with express-session and express-rate-limit: sessions, passwords, roles and a limit. `node express_trust.js PORT`
// SPOILT names what is left out, separated by commas; LIFETIME is that of a session in ms, LIMIT and WINDOW those of the rate limit.
const crypto = require('crypto')
const express = require('express')
const session = require('express-session')
const { rateLimit, ipKeyGenerator } = require('express-rate-limit')

const spoilt = new Set((process.env.SPOILT || '').split(',').filter(Boolean))
const common = new Set(require('fs').readFileSync(process.env.COMMON, 'utf8').split('\n').filter(one => one && !one.startsWith('#')))
const hashed = password => crypto.createHash('sha256').update(password).digest('hex')
const users = new Map()
const roles = new Map()
for (const name of ['test-viewer', 'test-editor', 'test-admin', 'test-leaver']) {
  users.set(name, hashed(`open-${name}`))
  roles.set(name, new Set([name === 'test-admin' ? 'admin' : 'auditor']))
}
const forgotten = new Map() // of a cache that learns of a role only later
const strong = password => typeof password === 'string' && [...password].length >= 12 && !common.has(password)
const admin = (request, response, next) => request.session.user === 'test-admin' ? next() : response.sendStatus(request.session.user ? 403 : 401)

const app = express()
app.set('trust proxy', 1)
app.use((request, response, next) => { request.headers['x-forwarded-proto'] = 'https'; next() }) // as if TLS ended before it
if (!spoilt.has('no-limit')) {
  app.use('/limited', rateLimit({
    windowMs: Number(process.env.WINDOW || 1000),
    limit: Number(process.env.LIMIT || 20),
    standardHeaders: spoilt.has('no-retry-after') ? false : 'draft-7',
    legacyHeaders: false,
    keyGenerator: request => spoilt.has('one-for-all') ? 'all' : request.get('x-api-key') || ipKeyGenerator(request.ip)
  }))
}
app.get('/limited', (request, response) => response.json({ served: true }))
app.use(express.json(), express.urlencoded({ extended: false }))
app.use(session({
  name: 'sid',
  secret: 'a secret of a test',
  resave: false,
  saveUninitialized: false,
  cookie: {
    secure: !spoilt.has('not-secure'),
    httpOnly: !spoilt.has('not-http-only'),
    sameSite: spoilt.has('not-same-site') ? undefined : 'lax',
    maxAge: spoilt.has('immortal') ? 3600_000 : Number(process.env.LIFETIME || 600_000)
  }
}))
app.get('/login', (request, response) => { request.session.seen = true; response.json({ form: true }) })
app.post('/login', (request, response) => {
  const { user, password } = request.body
  if (spoilt.has('nobody') || users.get(user) !== hashed(String(password))) return response.sendStatus(401)
  if (spoilt.has('kept-id')) { request.session.user = user; return response.json({ user }) }
  request.session.regenerate(() => { request.session.user = user; response.json({ user }) })
})
app.post('/logout', (request, response) => {
  if (spoilt.has('no-sign-out')) return response.sendStatus(404)
  if (spoilt.has('cookie-only')) return response.clearCookie('sid').sendStatus(204)
  request.session.destroy(() => response.clearCookie('sid').sendStatus(204))
})
app.get('/account', (request, response) =>
  request.session.user || spoilt.has('open-page') ? response.json({ user: request.session.user }) : response.sendStatus(401))
app.post('/users', (request, response) => {
  const { user, password } = request.body
  if (users.has(user)) return response.sendStatus(409)
  if (spoilt.has('refuses-all') || (!strong(password) && !spoilt.has('sign-up-without-rules'))) return response.sendStatus(422)
  users.set(user, hashed(password))
  response.status(201).json({ user })
})
app.post('/password', (request, response) => {
  const { user } = request.session
  if (!user) return response.sendStatus(401)
  if (users.get(user) !== hashed(String(request.body.old))) return response.sendStatus(403)
  if (!strong(request.body.new) && !spoilt.has('change-without-rules')) return response.sendStatus(400)
  users.set(user, hashed(request.body.new))
  response.sendStatus(204)
})
app.delete('/users/:name', admin, (request, response) => { users.delete(request.params.name); response.sendStatus(204) })
app.get('/users', admin, (request, response) => response.json([...users.keys()]))
app.delete('/users/:name/roles/:role', admin, (request, response) => {
  roles.get(request.params.name).delete(request.params.role)
  forgotten.set(request.params.name, Date.now() + Number(process.env.CACHED || 0))
  response.sendStatus(204)
})
app.put('/users/:name/roles/:role', admin, (request, response) => {
  if (spoilt.has('never-back')) return response.sendStatus(500)
  roles.get(request.params.name).add(request.params.role)
  response.sendStatus(204)
})
app.get('/roles/:name', admin, (request, response) => response.json([...roles.get(request.params.name)]))
app.get('/reports', (request, response) => {
  const { user } = request.session
  if (!user) return response.sendStatus(401)
  const known = roles.get(user).has('auditor') || Date.now() < (forgotten.get(user) || 0) || spoilt.has('roles-ignored')
  response.sendStatus(known ? 200 : 403)
})
app.listen(Number(process.argv[2]), '127.0.0.1')
