"""One module per protocol: bytes in, readings and signals out."""
