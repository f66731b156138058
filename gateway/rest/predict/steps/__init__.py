"""The steps of a call: resolve, authorise, limit, read, choose, admit, predict, write, account; see call.py."""
