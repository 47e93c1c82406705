-- all tenants: hints know none. How many hints are lacking until there are as many as jobs that may run now and executors that are idle.
select greatest(0,
    (select count(*) from (select 1 from jobs where status = 'queued' and run_at <= now() limit %(idle)s) q)
    - (select count(*) from (select 1 from procrastinate_jobs where queue_name = 'work' and status = 'todo' limit %(idle)s) h)) as missing
