// Express: the release in a header, and an API below /api. `node express_app.js PORT`
const express = require('express')

const app = express()
app.use((request, response, next) => { response.set('X-Service-Version', 'v4.1.0'); next() })
app.get('/api/health', (request, response) => response.json({ status: 'ok' }))
app.get('/api/items', (request, response) => response.json([{ id: 1 }]))
app.get('/api/items/:id', (request, response) => response.json({ id: Number(request.params.id) }))
app.listen(Number(process.argv[2]), '127.0.0.1')
