-- Keeps a later document of the same content, to which VEX may link, in the place of the one before. Guard: another document.
UPDATE inventory.sboms
SET serial_number = %(serial_number)s, content = %(content)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
    AND (serial_number IS DISTINCT FROM %(serial_number)s OR content <> %(content)s)
