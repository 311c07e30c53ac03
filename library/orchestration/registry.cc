#include "library/orchestration/registry.h"

namespace wellhead::orchestration {
namespace {

template <class Map>
auto find_or_null(const Map& map, const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}

template <class Map, class Function>
void add_once(Map& map, const std::string& name, Function function) {
  if (!map.emplace(name, std::move(function)).second) {
    throw meta::Error(meta::ErrorCode::internal, "'" + name + "' is registered twice");
  }
}

}  // namespace

const Registry::ActivityFunction* Registry::activity(const std::string& name) const {
  return find_or_null(activities_, name);
}

const Registry::WorkflowFunction* Registry::workflow(const std::string& name) const {
  return find_or_null(workflows_, name);
}

void Registry::add_activity_function(const std::string& name, ActivityFunction function) {
  add_once(activities_, name, std::move(function));
}

void Registry::add_workflow_function(const std::string& name, WorkflowFunction function) {
  add_once(workflows_, name, std::move(function));
}

}  // namespace wellhead::orchestration
