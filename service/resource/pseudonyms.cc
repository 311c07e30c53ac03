#include "service/resource/pseudonyms.h"

#include <chrono>

#include "library/meta/error.h"
#include "library/security/secret.h"

namespace wellhead::resource {
namespace {

constexpr std::string_view kBoundTo = "pseudonym";
// Ids are filled up with NULs, which no text of PostgreSQL's has, so that a pseudonym does not tell how long its id is.
// A UUID has 36 characters.
constexpr std::size_t kFilledTo = 36;

}  // namespace

void Pseudonyms::set(std::string_view key) {
  const std::scoped_lock lock(mutex_);
  if (owned_) return;
  owned_ = std::make_unique<const security::Seal>(key);
  seal_.store(owned_.get());
}

const security::Seal& Pseudonyms::seal() const {
  const security::Seal* seal = seal_.load();
  if (seal != nullptr) return *seal;
  meta::Error error(meta::ErrorCode::database_unreachable,
                    "the key of pseudonyms has not been read from the database yet");
  error.set_retry_after(std::chrono::seconds(1));
  throw error;
}

std::string Pseudonyms::of(std::string_view id) const {
  std::string filled(id);
  filled.resize((id.size() + kFilledTo - 1) / kFilledTo * kFilledTo);
  return security::to_base64url(seal().seal(kBoundTo, filled));
}

std::optional<std::string> Pseudonyms::id_of(std::string_view pseudonym) const {
  const security::Seal& known = seal();
  const auto sealed = security::from_base64url(pseudonym);
  if (!sealed) return std::nullopt;
  auto id = known.open(kBoundTo, *sealed);
  if (id) id->resize(id->find_last_not_of('\0') + 1);
  return id;
}

}  // namespace wellhead::resource
