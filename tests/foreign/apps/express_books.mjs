// A small service on Express, whose middleware @wesleytodd/openapi writes its description: `node express_books.mjs PORT SPOIL`.
import { createRequire } from 'node:module'

const require = createRequire(`${process.cwd()}/`)
const express = require('express')
const openapi = require('@wesleytodd/openapi')

const [port, spoil = ''] = process.argv.slice(2)
const app = express()
const described = openapi({ openapi: '3.0.0', info: { title: 'Books', version: '1.0.0' } })
const book = {
  type: 'object',
  required: ['id', 'title'],
  properties: { id: { type: 'integer' }, title: { type: 'string' }, pages: { type: 'integer', nullable: true } }
}
const json = (schema) => ({ 'application/json': { schema } })
const books = [{ id: 1, title: 'One', pages: null }]

app.use(described)
app.use(express.json())
app.use((_request, response, next) => {
  const send = response.json.bind(response)
  response.json = (content) => {
    if (content.id === undefined) return send(content)
    const changed = { ...content }
    if (spoil === 'type') changed.id = String(changed.id)
    if (spoil === 'missing') delete changed.title
    if (spoil === 'status') response.status(208)
    if (spoil === 'media') return response.type('text/plain').send(JSON.stringify(changed))
    if (spoil === 'crash' && changed.title.length > 3) return response.status(500).type('text/plain').send('Internal Server Error')
    return send(changed)
  }
  next()
})
app.get(
  '/books/:id',
  described.path({
    operationId: 'readBook',
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer', minimum: 1, example: 1 } }],
    responses: { 200: { description: 'a book', content: json(book) }, 404: { description: 'no such book' } }
  }),
  (request, response) => {
    const found = books[Number(request.params.id) - 1]
    if (found === undefined) response.sendStatus(404)
    else response.json(found)
  }
)
app.post(
  '/books',
  described.path({
    operationId: 'addBook',
    requestBody: {
      required: true,
      content: json({ type: 'object', required: ['title'], properties: { title: { type: 'string', maxLength: 30 } } })
    },
    responses: { 201: { description: 'added', content: json(book) }, 400: { description: 'malformed' } }
  }),
  (request, response) => {
    const title = request.body?.title
    if (typeof title !== 'string' || [...title].length > 30) return response.sendStatus(400)
    books.push({ id: books.length + 1, title, pages: null })
    return response.status(201).json(books[books.length - 1])
  }
)
app.listen(Number(port), '127.0.0.1')
