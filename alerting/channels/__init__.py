"""Ways to reach a person, one module each."""
