-- all tenants: before-images pass their time alike
delete from before_images where ctid = any(array(select ctid from before_images where expires_at <= now() limit %(most)s))
