"""Model servers: processes of models that do not run in the workers; the arbiter starts, watches and ends them."""
