"""Requests drawn by hypothesis from an API description, and answers held against it. Needs the extra `generated`."""
