"""Rules as pure steps: state and reading in, state and findings out."""
