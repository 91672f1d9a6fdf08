-- Deletes the finished imports of a source before the one that replaces them, with what they left out. Guard: only finished ones of that source.
DELETE FROM inventory.advisory_imports AS earlier
USING inventory.advisory_imports AS this
WHERE this.id = %(id)s AND earlier.source = this.source AND earlier.id <> this.id AND earlier.finished_at IS NOT NULL
