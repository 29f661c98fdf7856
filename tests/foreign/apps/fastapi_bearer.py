"""FastAPI: a sign-in, reads that need its token, and a POST with a body. `python fastapi_bearer.py PORT`."""

import sys
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

app = FastAPI(title="Orders", version="2.3.0")
Signed = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]


class Order(BaseModel):
    """What is ordered."""

    item: int
    amount: int = 1


def member(signed: Signed) -> str:
    """Who it is; 401 for another token."""
    if signed.credentials != "secret-of-a-test":
        raise HTTPException(401, "sign in")
    return "test-1"


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """Health."""
    return {"status": "ok"}


@app.get("/catalog")
def catalog() -> list[Order]:
    """Everything."""
    return [Order(item=1)]


@app.get("/me")
def me(user: Annotated[str, Depends(member)]) -> dict[str, str]:
    """The user."""
    return {"user": user}


@app.get("/orders/{number}")
def order(number: int, _: Annotated[str, Depends(member)]) -> Order:
    """One order."""
    return Order(item=number)


@app.post("/orders", status_code=201)
def create(new: Order, _: Annotated[str, Depends(member)]) -> Order:
    """A new order."""
    return new


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
