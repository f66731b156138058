"""Security: principals and what they may do, API keys and the file that holds them. Pure: knows no HTTP."""
