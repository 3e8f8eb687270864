"""The web: REST interface, provider call-backs, live stream, responder page, console."""
