"""Values of Secrets, searched for where they must not be. No value is ever printed or recorded."""
