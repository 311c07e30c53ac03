#include "app/fhirsim/pages.h"

#include "app/fhirsim/mixing.h"

namespace wellhead::fhirsim {
namespace {
constexpr std::size_t kKeptPages = 5'000;
}

std::shared_ptr<SearchResult> Pages::keep(std::string_view key, SearchResult result) {
  const std::uint64_t hash = hash_text(key);
  const std::uint64_t low = mix(hash + mix(options_.seed + ++repeated_[hash]));
  auto kept = std::make_shared<SearchResult>(std::move(result));
  kept->id = uuid_text(mix(low + options_.seed), low);
  kept->made = std::chrono::steady_clock::now();
  by_id_[kept->id] = kept;
  by_key_[std::string(key)] = kept;
  order_.emplace_back(kept->id, key);
  while (order_.size() > kKeptPages) {
    const auto& [old_id, old_key] = order_.front();
    by_id_.erase(old_id);
    if (const auto found = by_key_.find(old_key); found != by_key_.end() && found->second->id == old_id) {
      by_key_.erase(found);
    }
    order_.pop_front();
  }
  return kept;
}

std::shared_ptr<SearchResult> Pages::find(const std::string& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  if (std::chrono::steady_clock::now() - found->second->made > options_.expiry) {
    expire(id);
    return nullptr;
  }
  return found->second;
}

void Pages::expire(const std::string& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  std::erase_if(by_key_, [&](const auto& entry) { return entry.second == found->second; });
  by_id_.erase(found);
}

std::shared_ptr<SearchResult> Pages::reusable(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const bool young = std::chrono::steady_clock::now() - found->second->made < options_.reuse;
  return young ? found->second : nullptr;
}

void Pages::clear() {
  by_id_.clear();
  by_key_.clear();
  order_.clear();
  repeated_.clear();
}

}  // namespace wellhead::fhirsim
