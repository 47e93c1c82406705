select pg_postmaster_start_time() > clock_timestamp() - make_interval(secs => %(seconds)s) as restarted
