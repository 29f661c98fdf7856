"""Four small services on FastAPI, which writes their descriptions, and what can be spoilt in their answers.

`python fastapi_shops.py PORT SHOP SPOIL`; runs in an environment of its own, see `scripts/foreign-api`.
"""

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import FastAPI, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, Field


class NewOrder(BaseModel):
    """What is ordered."""

    item: Annotated[int, Field(ge=1, lt=2**63)]
    amount: Annotated[int, Field(ge=1, le=100)] = 1
    note: Annotated[str, Field(max_length=40)] = ""


class Order(NewOrder):
    """An order that was taken."""

    id: int


class Kind(StrEnum):
    """What an item is."""

    BOOK = "book"
    FILM = "film"


class Item(BaseModel):
    """An item of the list."""

    name: str
    kind: Kind
    tags: list[str]


class Page(BaseModel):
    """A page of the list."""

    total: int
    items: list[Item]


class Appointment(BaseModel):
    """A moment and a place."""

    key: UUID
    at: datetime
    place: str | None


class Node(BaseModel):
    """A node and those below it."""

    name: str
    below: list["Node"]


def orders() -> FastAPI:
    """Orders that are created, and read by their id."""
    app, kept = FastAPI(), dict[int, Order]()

    @app.post("/orders", status_code=201)
    def create_order(order: NewOrder) -> Order:
        kept[len(kept) + 1] = made = Order(id=len(kept) + 1, **order.model_dump())
        return made

    @app.get("/orders/{id}", responses={404: {"description": "no such order"}})
    def read_order(number: Annotated[int, Path(alias="id", ge=1, lt=2**63)]) -> Order:
        if number not in kept:
            raise HTTPException(404)
        return kept[number]

    return app


def catalogue() -> FastAPI:
    """A list in pages, with an enum and nested objects."""
    app = FastAPI()

    @app.get("/items")
    def read_items(limit: Annotated[int, Query(ge=1, le=50)] = 10, kind: Kind = Kind.BOOK) -> Page:
        return Page(total=99, items=[Item(name=f"i{n}", kind=kind, tags=["a"]) for n in range(min(limit, 3))])

    return app


def calendar() -> FastAPI:
    """Dates, keys, and a value that may be null."""
    app = FastAPI()

    @app.get("/appointments/{key}")
    def read_appointment(key: UUID, place: Annotated[str | None, Query(max_length=20)] = None) -> Appointment:
        return Appointment(key=key, at=datetime(2026, 1, 1, tzinfo=UTC), place=place)

    @app.put("/appointments/{key}")
    def write_appointment(key: UUID, appointment: Appointment) -> Appointment:
        return Appointment(key=key or uuid4(), at=appointment.at.replace(tzinfo=UTC), place=appointment.place)

    return app


def tree() -> FastAPI:
    """An answer whose schema contains itself."""
    app = FastAPI()

    @app.get("/tree")
    def read_tree(depth: Annotated[int, Query(ge=0, le=5)] = 2) -> Node:
        node = Node(name="leaf", below=[])
        for _ in range(depth):
            node = Node(name="branch", below=[node])
        return node

    return app


def spoil(app: FastAPI, how: str) -> None:
    """Spoil each good answer: another type, a missing key, another status, another media type, or a crash on large numbers and long texts."""

    @app.middleware("http")
    async def change(request: Request, call_next: Any) -> Response:
        given = await call_next(request)
        body = b"".join([piece async for piece in given.body_iterator])
        status, media = given.status_code, given.headers.get("content-type", "")
        if how and 200 <= status < 300 and request.url.path != "/openapi.json":
            content = json.loads(body)
            key = next(iter(content))
            if how == "type":
                content[key] = {"is": "an object"}
            elif how == "missing":
                del content[next(one for one in content if one in {"id", "total", "key", "name"})]
            elif how == "status":
                status = 208
            elif how == "media":
                media = "text/plain"
            elif how == "crash" and len(str(request.url.query)) + len(str(content)) > 70:
                return Response("Internal Server Error", 500, media_type="text/plain")
            body = json.dumps(content).encode()
        return Response(body, status, media_type=media)


if __name__ == "__main__":
    shop = {"orders": orders, "catalogue": catalogue, "calendar": calendar, "tree": tree}[sys.argv[2]]()
    spoil(shop, sys.argv[3] if len(sys.argv) > 3 else "")
    uvicorn.run(shop, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
