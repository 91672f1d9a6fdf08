-- Deletes the finished imports before the one that replaces them, with what they left out: of its source, or of EPSS and KEV of its kind. Guard: only finished ones.
DELETE FROM inventory.advisory_imports AS earlier
USING inventory.advisory_imports AS this
WHERE this.id = %(id)s AND earlier.kind = this.kind AND (earlier.source = this.source OR this.kind <> 'advisories')
    AND earlier.id <> this.id AND earlier.finished_at IS NOT NULL
