-- The clock of the product: this database's.
SELECT clock_timestamp() AS now
