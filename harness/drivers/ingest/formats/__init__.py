"""The formats of other tools' reports, a module each: bytes → a typed value, or a DriverError with file, place and hint."""
