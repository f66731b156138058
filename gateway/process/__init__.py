"""
Processes under gunicorn and PM2: arbiter, workers, socket holder, file watcher, worker monitor, quarantine.

The arbiter never loads a model; workers load after the fork; nothing is monkey-patched; a stop finishes the requests
in flight; no process outlives its arbiter.
"""
