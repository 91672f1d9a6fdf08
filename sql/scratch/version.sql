-- The server's version, as it calls itself.
SELECT current_setting('server_version')
