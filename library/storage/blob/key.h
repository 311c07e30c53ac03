// What keys of blobs look like, and what is said of a blob that is not as it was staged. Private to this folder.
#pragma once

#include <string>
#include <string_view>

#include "library/storage/blob/blob_store.h"

namespace wellhead::storage {

// <prefix>/<first two digits>/<digest><suffix>
BlobKey make_key(std::string_view prefix, const std::string& digest, std::string_view suffix);
// The SHA-256 that the key says, in hex digits.
std::string digest_in(const BlobKey& key);
// Error{blob_missing} for a key that no store ever made: empty, absolute, or with "..".
void check_key(const BlobKey& key);

// Error{blob_missing} and Error{blob_corrupt}: name blob and store.
[[noreturn]] void fail_missing(const BlobStore& store, const BlobKey& key);
[[noreturn]] void fail_corrupt(const BlobStore& store, const BlobKey& key, const std::string& why);

}  // namespace wellhead::storage
