"""FastAPI with OAuth 2 scopes and PyJWT's client of key sets. `python fastapi_jwt.py PORT`; ISSUER and AUDIENCE are those of right tokens.

SPOILT is what is left out: open-route, expired, alg-none, no-owner, no-scope, any-audience.
"""

import os
import sys
from typing import Annotated, Any

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import OAuth2AuthorizationCodeBearer, SecurityScopes
from pydantic import BaseModel

ISSUER, AUDIENCE, SPOILT = os.environ["ISSUER"], os.environ["AUDIENCE"], os.environ.get("SPOILT", "")
app = FastAPI(title="Orders", version="1.0.0")
bearer = OAuth2AuthorizationCodeBearer(
    authorizationUrl=f"{ISSUER}/auth", tokenUrl=f"{ISSUER}/token", scopes={"READ": "", "WRITE": "", "ADMIN": ""}
)
keys = jwt.PyJWKClient(f"{ISSUER}/jwks")
orders = {1: "test-viewer", 2: "test-second"}


class Order(BaseModel):
    """What is ordered."""

    item: int


def claims(scopes: SecurityScopes, token: Annotated[str, Depends(bearer)]) -> dict[str, Any]:
    """The claims of a right token."""
    try:
        if SPOILT == "alg-none" and jwt.get_unverified_header(token)["alg"] == "none":
            found = jwt.decode(token, options={"verify_signature": False})
        else:
            key = keys.get_signing_key_from_jwt(token)
            options: Any = {"verify_exp": SPOILT != "expired", "verify_aud": SPOILT != "any-audience"}
            found = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER, options=options)
    except jwt.PyJWTError as error:
        raise HTTPException(401, "sign in") from error
    if not {*scopes.scopes} <= {*found.get("scope", "").split()} and SPOILT != "no-scope":
        raise HTTPException(403, "not allowed")
    return found


def own(number: int, token: dict[str, Any]) -> None:
    """404 for the order of another user, and for one that is not there."""
    if number not in orders or (orders[number] != token["sub"] and SPOILT != "no-owner"):
        raise HTTPException(404, "there is no such order")


Reader = Annotated[dict[str, Any], Security(claims, scopes=["READ"])]
Writer = Annotated[dict[str, Any], Security(claims, scopes=["WRITE"])]
Admin = Annotated[dict[str, Any], Security(claims, scopes=["ADMIN"])]


@app.get("/health")
def health() -> dict[str, str]:
    """Health."""
    return {"status": "ok"}


@app.get("/orders")
def listed(_: Reader) -> list[int]:
    """The numbers of all orders."""
    return [*orders]


@app.post("/orders", status_code=201)
def create(_: Order, token: Writer) -> dict[str, int]:
    """A new order."""
    number = max(orders, default=0) + 1
    orders[number] = token["sub"]
    return {"id": number}


@app.get("/orders/{id}")
def order(id: int, token: Reader) -> dict[str, int]:  # noqa: A002 - as the path has it
    """One order."""
    own(id, token)
    return {"id": id}


@app.delete("/orders/{id}", status_code=204)
def delete(id: int, token: Writer) -> None:  # noqa: A002 - as the path has it
    """Delete an order."""
    own(id, token)
    del orders[id]


def users() -> list[str]:
    """The names of all users."""
    return ["test-viewer", "test-second"]


def users_of(_: Admin) -> list[str]:
    """The names of all users, for an administrator."""
    return users()


if SPOILT == "open-route":  # the description says what should be
    app.get("/users", openapi_extra={"security": [{"OAuth2AuthorizationCodeBearer": ["ADMIN"]}]})(users)
else:
    app.get("/users")(users_of)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
