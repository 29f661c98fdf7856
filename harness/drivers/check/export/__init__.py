"""The export of a person, held against the records that name the person."""
