-- Generators give each document of the same content a serial number and bom-refs of its own, which VEX links to.

GRANT UPDATE ON inventory.sboms TO scheduler_tenant, scheduler_system;
COMMENT ON COLUMN inventory.sboms.content IS 'The document as given last with this content, compressed with zlib.';
COMMENT ON COLUMN inventory.sboms.serial_number IS 'Of the document as given last with this content.';
