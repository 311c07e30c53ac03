#include "library/storage/blob/key.h"

#include <fmt/format.h>

#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;

constexpr std::size_t kDigestDigits = 64;

}  // namespace

BlobKey make_key(std::string_view prefix, const std::string& digest, std::string_view suffix) {
  return {fmt::format("{}/{}/{}{}", prefix, digest.substr(0, 2), digest, suffix)};
}

std::string digest_in(const BlobKey& key) {
  const auto slash = key.text.rfind('/');
  return key.text.substr(slash == std::string::npos ? 0 : slash + 1, kDigestDigits);
}

void check_key(const BlobKey& key) {
  if (key.text.empty() || key.text.front() == '/' || key.text.find("..") != std::string::npos) {
    throw Error(ErrorCode::blob_missing, fmt::format("'{}' is no key of a blob", key.text));
  }
}

void fail_missing(const BlobStore& store, const BlobKey& key) {
  throw Error(ErrorCode::blob_missing, fmt::format("blob {} is not in {} any more", key.text, store.name()),
              "Check that WELLHEAD_BLOB_URL is the one the run was staged with; else load the zip code again");
}

void fail_corrupt(const BlobStore& store, const BlobKey& key, const std::string& why) {
  throw Error(ErrorCode::blob_corrupt, fmt::format("blob {} in {} is damaged: {}", key.text, store.name(), why),
              "Check the store's disk, remove the blob and load the zip code again");
}

}  // namespace wellhead::storage
