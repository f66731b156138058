"""The command line: `python -m gateway.h2o_server --jar JAR --memory BYTES --artifacts FOLDER --socket PATH`."""

import sys

from gateway.h2o_server.command import main

sys.exit(main(sys.argv[1:]))
