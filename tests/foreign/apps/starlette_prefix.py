"""Starlette below a prefix, with redirects to the slash: `python starlette_prefix.py PORT`."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route


async def tracks(_):
    """A list."""
    return JSONResponse([{"id": 1, "title": "one"}])


async def livez(_):
    """204."""
    return Response(status_code=204)


app = Starlette(routes=[Mount("/music/v2", routes=[Route("/tracks/", tracks), Route("/livez", livez)])])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
