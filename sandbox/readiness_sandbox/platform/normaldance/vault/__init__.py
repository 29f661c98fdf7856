"""The store of the database's password, and the operator that brings what is in it into the Secrets of the regions."""
