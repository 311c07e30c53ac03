#include "library/orchestration/temporal/search_attributes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <temporal/api/operatorservice/v1/request_response.pb.h>
#include <temporal/api/workflowservice/v1/request_response.pb.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <iterator>
#include <thread>

#include "library/orchestration/temporal/messages.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

namespace operator_service = ::temporal::api::operatorservice::v1;
namespace workflow_service = ::temporal::api::workflowservice::v1;

// A server looks for new attributes every ten seconds.
constexpr std::chrono::seconds kPatience{20};
constexpr std::chrono::milliseconds kPause{200};

std::string attribute_of(const std::string& label) {
  std::string name = "Wellhead" + label;
  auto& first = name.at(std::string_view("Wellhead").size());
  first = static_cast<char>(std::toupper(static_cast<unsigned char>(first)));
  return name;
}

}  // namespace

void set_keyword(api::common::v1::SearchAttributes& to, const std::string& name, const std::string& value) {
  auto& payload = (*to.mutable_indexed_fields())[name];
  set_payload(payload, meta::to_json(value));
  (*payload.mutable_metadata())["type"] = "Keyword";
}

void SearchAttributes::set(api::common::v1::SearchAttributes& to, const std::map<std::string, std::string>& labels) {
  std::map<std::string, std::string> values = {{kStateAttribute, kStateRunning}};
  for (const auto& [label, value] : labels) values[attribute_of(label)] = value;
  std::set<std::string> names;
  for (const auto& [name, value] : values) names.insert(name);
  const auto there = learn(names);
  for (const auto& [name, value] : values) {
    if (there.contains(name)) set_keyword(to, name, value);
  }
}

std::set<std::string> SearchAttributes::learn(const std::set<std::string>& wanted) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::includes(asked_, wanted)) return there_;
  try {
    there_ = listed();
    std::set<std::string> missing;
    std::ranges::set_difference(wanted, there_, std::inserter(missing, missing.end()));
    if (!missing.empty()) {
      make(missing);
      there_.insert(missing.begin(), missing.end());
    }
  } catch (const RpcError& error) {
    if (error.code() == meta::ErrorCode::engine_unreachable || error.status() == kNotFound) throw;
    spdlog::warn(
        "executions on Temporal can be searched for by id alone: this process may not look for the search attributes "
        "{} of namespace {}, or make them ({}). Somebody who may makes them with `temporal operator search-attribute "
        "create --type Keyword --name …`",
        fmt::join(wanted, ", "), client_.name_space(), error.message());
  }
  asked_.insert(wanted.begin(), wanted.end());
  return there_;
}

std::set<std::string> SearchAttributes::listed() {
  operator_service::ListSearchAttributesRequest request;
  request.set_namespace_(client_.name_space());
  const auto answer =
      client_.call<operator_service::ListSearchAttributesResponse>("OperatorService/ListSearchAttributes", request);
  std::set<std::string> names;
  for (const auto& [name, type] : answer.custom_attributes()) {
    if (type == api::enums::v1::INDEXED_VALUE_TYPE_KEYWORD) names.insert(name);
  }
  return names;
}

void SearchAttributes::make(const std::set<std::string>& missing) {
  operator_service::AddSearchAttributesRequest request;
  request.set_namespace_(client_.name_space());
  for (const auto& name : missing) {
    (*request.mutable_search_attributes())[name] = api::enums::v1::INDEXED_VALUE_TYPE_KEYWORD;
  }
  try {
    client_.call<operator_service::AddSearchAttributesResponse>("OperatorService/AddSearchAttributes", request);
  } catch (const RpcError& error) {
    if (error.status() != kAlreadyExists) throw;  // another process was first
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!std::ranges::all_of(missing, [&](const auto& name) { return searchable(name); }) &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(kPause);
  }
}

bool SearchAttributes::searchable(const std::string& name) {
  workflow_service::CountWorkflowExecutionsRequest request;
  request.set_namespace_(client_.name_space());
  request.set_query(name + " = 'none'");
  try {
    client_.call<workflow_service::CountWorkflowExecutionsResponse>("CountWorkflowExecutions", request);
    return true;
  } catch (const RpcError& error) {
    if (error.status() == kInvalidArgument) return false;
    throw;
  }
}

}  // namespace wellhead::orchestration::temporal_engine
