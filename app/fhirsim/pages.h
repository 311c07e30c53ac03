// Results of searches that were answered, kept for the pages still to come and for the same search asked again.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "app/fhirsim/store.h"

namespace wellhead::fhirsim {

struct SearchResult {
  std::string id;  // of the page links, a UUID
  std::string self;
  ResourceType type = ResourceType::patient;
  std::vector<Ref> refs;
  bool accurate_total = false;
  std::chrono::steady_clock::time_point made;
  std::int64_t uses = 0;  // of its page links
};

class Pages {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::chrono::milliseconds expiry = std::chrono::hours(1);    // of page links
    std::chrono::milliseconds reuse = std::chrono::seconds(60);  // the same search is answered from here; 0: never
  };
  explicit Pages(Options options) : options_(options) {}

  // Gives the result its id and keeps it. The latest 5,000 results are kept.
  std::shared_ptr<SearchResult> keep(std::string_view key, SearchResult result);
  // nullptr: unknown or expired.
  std::shared_ptr<SearchResult> find(const std::string& id);
  void expire(const std::string& id);
  // A result of the same search that is young enough to be given again; nullptr: none.
  std::shared_ptr<SearchResult> reusable(const std::string& key);
  void clear();
  std::size_t size() const { return by_id_.size(); }

 private:
  Options options_;
  std::unordered_map<std::string, std::shared_ptr<SearchResult>> by_id_;
  std::unordered_map<std::string, std::shared_ptr<SearchResult>> by_key_;
  std::deque<std::pair<std::string, std::string>> order_;      // id and key, oldest first
  std::unordered_map<std::uint64_t, std::uint32_t> repeated_;  // how often a search was made
};

}  // namespace wellhead::fhirsim
