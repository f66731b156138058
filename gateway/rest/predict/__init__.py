"""One prediction request: its body, its rows, its batches and the form of its answer."""
