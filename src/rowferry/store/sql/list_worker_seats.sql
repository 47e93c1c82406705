-- all tenants: workers belong to none
select name, pid, heartbeat_at > now() - make_interval(secs => %(seconds)s) as fresh from workers where host = %(host)s
