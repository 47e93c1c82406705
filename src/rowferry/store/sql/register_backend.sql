-- A server that crashes ends the backend, too: nothing is lost if this is, so nobody waits for the disk.
update jobs set backend_pid = pg_backend_pid(),
    backend_start = (select backend_start from pg_stat_activity where pid = pg_backend_pid())
where tenant_id = tenant() and id = %(id)s and attempt = %(attempt)s and status = 'running'
returning id, set_config('synchronous_commit', 'off', true)
