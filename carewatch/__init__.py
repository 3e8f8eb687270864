"""The command line, settings and supervision of CareWatch."""
