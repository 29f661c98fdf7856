"""auth-service: an OpenID provider, sessions of browsers, API keys, and the users' roles, on the platform's database.

tables    what the database has of it, and the first users, clients and keys
keys      signs tokens
grants    tokens for clients: password, client credentials, code, refresh; revocation and introspection
signing   the sign-in form of the authorization code
browser   sign-in with a cookie, sign-out, and what the gateway exchanges for a token
people    sign-up, passwords, and administration
standing  what no longer counts, for those that check tokens
"""
