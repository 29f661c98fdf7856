"""aiohttp: answers are compressed and come in chunks. `python aiohttp_gzip.py PORT`."""

import sys

from aiohttp import web

BODY = {"items": [{"id": number, "title": "a title " * 20} for number in range(100)]}


async def items(_):
    """A compressed answer without a length."""
    answer = web.json_response(BODY)
    answer.enable_compression(web.ContentCoding.gzip)
    answer.enable_chunked_encoding()
    return answer


async def ready(_):
    """Health."""
    return web.json_response({"ready": True})


app = web.Application()
app.add_routes([web.get("/", items), web.get("/readyz", ready)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
