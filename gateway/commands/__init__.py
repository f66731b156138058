"""The commands of `gateway`, one module per group; cli.py holds the table of them."""
