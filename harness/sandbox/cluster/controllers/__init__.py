"""The controllers: each compares what is with what is wanted and writes the difference to the store."""
