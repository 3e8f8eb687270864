"""The database: one module and one file of named queries per noun."""
