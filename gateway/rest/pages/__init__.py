"""Pages of the console over HTTP: endpoints, static files, and the form dialect of a call."""
