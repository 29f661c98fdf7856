"""The figures that objectives speak of; each is judged by one function."""
