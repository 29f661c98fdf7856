"""A pocket Kubernetes: store, API server, and below it controllers and kubelets.

    kinds ◀─ store ◀─ watch ◀─ resources, subresources ◀─ api ◀─ serving
      selectors, patch         admission (schema, defaults, rules), table, views, calls

`api.build_app(store, hooks, token)` makes the application, `serving.serve` runs it in an event loop; the machinery writes to the same
`Store` directly and implements `hooks.Hooks`.
"""
