"""The page behind a link in a message: plain HTML for any phone, one link for each notification."""
