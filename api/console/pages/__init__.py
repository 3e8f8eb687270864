"""The pages, one module each: ``register(console)`` makes its routes known to NiceGUI."""
