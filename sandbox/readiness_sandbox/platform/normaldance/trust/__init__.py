"""Who may do what: rules of the routes, the check of tokens, the gateway's door and what services check again."""
