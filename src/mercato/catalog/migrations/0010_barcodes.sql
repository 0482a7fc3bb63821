-- Whoever counts or receives goods scans them.
create index variants_by_barcode on catalog.variants (barcode) where barcode is not null;
