// What PM2 runs. Every value that is not PM2's default says why; `make run` starts it.
const path = require('path');

const home = process.env.GATEWAY_HOME || path.join(__dirname, '.gateway');
const python = process.env.GATEWAY_PYTHON || path.join(__dirname, '.venv/bin/python');
const listed = (text) => text.split(',').map((one) => one.trim()).filter(Boolean);
const bind = [...listed(process.env.GATEWAY_BIND || '127.0.0.1:8000'), ...listed(process.env.GATEWAY_ADMIN_BIND || '')];
const holder = process.env.GATEWAY_HOLDER_SOCKET || path.join(home, 'run/holder.sock');
const drainSeconds = Number(process.env.GATEWAY_GRACEFUL_TIMEOUT_S || 30);

// A key of a caller that printed commands read: PM2 would keep it in its dump.
delete process.env.GATEWAY_KEY;

const common = {
  cwd: __dirname,
  interpreter: python,
  exec_mode: 'fork', // cluster mode is for Node programs
  instances: 1,
  treekill: false, // SIGINT to the workers as well would drop what they are answering
  merge_logs: true, // stable file names: without it they carry PM2's id, which changes
  // A fault of configuration (sysexits.h: 78) does not go away by starting again.
  stop_exit_codes: [78],
  exp_backoff_restart_delay: 200, // a crash loop slows down instead of spinning
  // PM2 hands the caller's whole environment on, also into `pm2 env` and dump files.
  filter_env: ['AWS_', 'AZURE_', 'GOOGLE_', 'SECRET', 'TOKEN', 'PASSWORD', 'npm_'],
};

module.exports = {
  apps: [
    {
      ...common,
      name: 'gateway-socket', // keeps the listening sockets open while `gateway` is replaced
      script: 'gateway/process/socket_holder.py', // relative: PM2 hands a path with a blank to a shell
      args: [holder, ...bind],
      out_file: path.join(home, 'logs/socket.log'),
      error_file: path.join(home, 'logs/socket.log'),
      kill_timeout: 2000,
    },
    {
      ...common,
      name: 'gateway',
      script: path.relative(__dirname, path.join(path.dirname(python), 'gateway')),
      args: ['serve'],
      out_file: path.join(home, 'logs/gateway.log'),
      error_file: path.join(home, 'logs/gateway.log'),
      wait_ready: true, // "online" means that every worker serves, not that a process exists
      listen_timeout: 180000, // a first start prepares every model; `make run` reports on the way
      kill_timeout: (drainSeconds + 5) * 1000, // PM2's 1.6 s would kill requests in flight
      env: { GATEWAY_HOME: home, GATEWAY_HOLDER_SOCKET: holder, PYTHONUNBUFFERED: '1' },
    },
  ],
};
