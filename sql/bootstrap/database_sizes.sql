-- Bytes on disk of each database of the product.
SELECT datname, pg_database_size(oid) FROM pg_database WHERE datname IN ('scheduler', 'dagster') ORDER BY datname;
