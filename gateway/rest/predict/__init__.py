"""Prediction requests: Call and its steps (authorise, limit, read, admit, predict, write, account), and bodies."""
