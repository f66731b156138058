"""HTTP connections of a worker: parsing heads, bodies, deadlines, replies, fair admission; below WSGI."""
