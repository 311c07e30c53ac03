-- CSV blobs do not stay forever: which of a run's are gone.
ALTER TABLE staged_blob ADD COLUMN removed_at timestamptz;
COMMENT ON COLUMN staged_blob.removed_at IS 'When the blob was deleted from the blob store, WELLHEAD_KEEP_BLOBS after its run had ended; NULL while it is there.';
-- A blob is named by its content, so several batches may have it.
CREATE INDEX staged_blob_kept ON staged_blob (blob_key) WHERE removed_at IS NULL;
