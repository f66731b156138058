"""Compare two checkouts of this repository: what they answer over HTTP, and figures of their source and processes."""
