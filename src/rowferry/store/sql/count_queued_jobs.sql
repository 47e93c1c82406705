select count(*) as n from (select from jobs where tenant_id = tenant() and status = 'queued' limit %(most)s) queued
