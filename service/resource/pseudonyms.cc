#include "service/resource/pseudonyms.h"

#include <chrono>

#include "library/meta/error.h"

namespace wellhead::resource {
namespace {

constexpr std::size_t kBytes = 16;

}  // namespace

void Pseudonyms::set(std::string_view key) {
  const std::scoped_lock lock(mutex_);
  if (owned_) return;
  owned_ = std::make_unique<const security::KeyedDigest>(key);
  digest_.store(owned_.get());
}

std::string Pseudonyms::of(std::string_view id) const {
  const security::KeyedDigest* digest = digest_.load();
  if (digest != nullptr) return security::to_hex(digest->of(id).substr(0, kBytes));
  meta::Error error(meta::ErrorCode::database_unreachable,
                    "the key of pseudonyms has not been read from the database yet");
  error.set_retry_after(std::chrono::seconds(1));
  throw error;
}

}  // namespace wellhead::resource
