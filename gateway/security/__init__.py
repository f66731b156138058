"""Security: principals and what they may do and use up, API keys and the file that holds them. Pure: knows no HTTP."""
