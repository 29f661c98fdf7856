"""Who may do what: tokens of ServiceAccounts, roles and their bindings, and the reviews that tell a client its own rights."""
