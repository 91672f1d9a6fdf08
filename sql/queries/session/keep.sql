-- Keeps a session that idles, and ends it soon after its client is gone; over a unix socket the server knows at once.
SELECT set_config('idle_session_timeout', '0', false), set_config('tcp_keepalives_idle', '10', false),
    set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)
