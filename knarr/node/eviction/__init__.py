"""Give way when the machine runs short: the condition it shows, and which pods must go.

`thresholds`  pure: what counts as short
`rank`        pure: who goes first, and what it is told
`limits`      pure: pods that have used more local storage than they may
`signals`     reads the machine; `usage` reads what pods use
`evictor`     looks every ten seconds, and acts
"""
