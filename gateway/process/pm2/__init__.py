"""Bridge to PM2: its messages, the actions of `pm2 trigger`, the figures of `pm2 monit`, its home."""
