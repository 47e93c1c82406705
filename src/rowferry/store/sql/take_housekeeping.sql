select pg_try_advisory_lock(%(housekeeping)s) as taken
