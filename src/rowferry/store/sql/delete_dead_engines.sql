delete from procrastinate_workers where last_heartbeat < now() - make_interval(secs => %(seconds)s)
