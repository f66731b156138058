"""
Executors run predicts: in the event loop or in native threads of this worker, each with a deadline.

An executor is synchronous for its caller, keeps the deadline, holds no queue (the bulkhead sits above) and never
retries (clients do). Predicts proven short run in the event loop, all others in native threads that end or are counted
as stuck.
"""
