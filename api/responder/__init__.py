"""The page a responder opens from a message: plain HTML."""
