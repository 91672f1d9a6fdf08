-- Drops what was a log partition. Guard: it is detached; an attached one would lock the parent.
DROP TABLE scheduler.{partition}
