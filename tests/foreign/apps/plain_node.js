// Node alone: chunked answers, a health of 204, and no HEAD. `node plain_node.js PORT`
const http = require('node:http')

http.createServer((request, response) => {
  if (request.method !== 'GET') { response.writeHead(405, { Allow: 'GET' }); return response.end() }
  if (request.url === '/livez') { response.writeHead(204); return response.end() }
  if (request.url !== '/') { response.writeHead(404, { 'Content-Type': 'application/json' }); return response.end('{"error":"not found"}') }
  response.writeHead(200, { 'Content-Type': 'application/json' })
  response.write('{"items":[')
  for (let id = 0; id < 50; id += 1) response.write(`${id ? ',' : ''}{"id":${id}}`)
  response.end(']}')
}).listen(Number(process.argv[2]), '127.0.0.1')
