"""Data at rest: markers that are searched for in files, classes of columns, ciphers of encrypted values. No value is ever printed or recorded."""
