"""The commands of `gateway`, one module per group; main.py holds the table of them."""
