"""Exit 0 when `pm2 jlist` (on standard input) shows the named app online or launching, 1 otherwise."""

import json
import sys

# PM2 may say "[PM2] Spawning PM2 daemon" first; the list is one line.
lines = [line for line in sys.stdin if line.startswith(("[{", "[]"))]
apps = json.loads(lines[-1]) if lines else []
states = [app["pm2_env"]["status"] for app in apps if app["name"] == sys.argv[1]]
sys.exit(0 if any(state in ("online", "launching") for state in states) else 1)
