select nextval('token_numbers') as n
