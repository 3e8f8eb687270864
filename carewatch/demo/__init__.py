"""The demo: a private installation and a town in it, told as a story in the terminal."""
