delete from tokens where tenant_id = tenant() and user_id = %(user)s and name = %(name)s and id not in (
    select id from tokens where tenant_id = tenant() and user_id = %(user)s and name = %(name)s order by id desc limit %(most)s)
