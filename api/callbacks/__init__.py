"""What providers tell us: call and message status, keys pressed, replies."""
