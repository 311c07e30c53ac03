// What an execution is about (StartOptions::labels), where a Temporal cluster lets it be searched for: the label
// `zipcode` is the search attribute WellheadZipcode, and WellheadState says whether it is running or paused.
// Thread-safe.
#pragma once

#include <temporal/api/common/v1/message.pb.h>

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "library/orchestration/temporal/core.h"

namespace wellhead::orchestration::temporal_engine {

inline constexpr const char* kStateAttribute = "WellheadState";
inline constexpr const char* kStateRunning = "running";
inline constexpr const char* kStatePaused = "paused";

void set_keyword(::temporal::api::common::v1::SearchAttributes& to, const std::string& name, const std::string& value);

class SearchAttributes {
 public:
  // client outlives it.
  explicit SearchAttributes(Client& client) : client_(client) {}

  // Those of a new execution: as far as the namespace has them. The first call makes what is missing, which may take
  // the server some seconds to take in; where we may not, a line in the log says so. Blocks.
  void set(::temporal::api::common::v1::SearchAttributes& to, const std::map<std::string, std::string>& labels);

 private:
  std::set<std::string> learn(const std::set<std::string>& wanted);
  std::set<std::string> listed();
  void make(const std::set<std::string>& missing);
  bool searchable(const std::string& name);

  Client& client_;
  std::mutex mutex_;
  std::set<std::string> asked_;  // whether they are there is known
  std::set<std::string> there_;
};

}  // namespace wellhead::orchestration::temporal_engine
