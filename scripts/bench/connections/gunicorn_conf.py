"""Gunicorn settings of one variant, taken from the environment."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.setswitchinterval(float(os.environ.get("BENCH_SWITCH_S", "0.005")))

bind = os.environ["BENCH_BIND"]
workers = 2
worker_class = os.environ["BENCH_CLASS"]
threads = int(os.environ.get("BENCH_THREADS", "1"))
worker_connections = 1000
keepalive, graceful_timeout, timeout = 15, 30, 30
control_socket_disable = True
pidfile = os.environ["BENCH_PIDFILE"]
wsgi_app = "app:create_app()"
