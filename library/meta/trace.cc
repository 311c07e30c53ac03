#include "library/meta/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>

namespace wellhead::meta {
namespace {

constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kParentDigits = 16;
// 00-, trace, -, parent, -, flags
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kParentAt = kTraceAt + kTraceDigits + 1;
constexpr std::size_t kFlagsAt = kParentAt + kParentDigits + 1;
constexpr std::size_t kLength = kFlagsAt + 2;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) { return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos; }

std::uint64_t random_word() {
  thread_local std::mt19937_64 generator{std::random_device()()};
  // 0 is no id.
  return std::uniform_int_distribution<std::uint64_t>(1)(generator);
}

std::string random_id() { return fmt::format("{:016x}", random_word()); }

}  // namespace

std::optional<TraceContext> TraceContext::parse(std::string_view traceparent) {
  if (traceparent.size() < kLength) return std::nullopt;
  const auto version = traceparent.substr(0, 2);
  if (!is_hex(version) || version == "ff") return std::nullopt;
  const bool ends = traceparent.size() == kLength;
  if (version == "00" ? !ends : !ends && traceparent[kLength] != '-') return std::nullopt;
  if (traceparent[kTraceAt - 1] != '-' || traceparent[kParentAt - 1] != '-' || traceparent[kFlagsAt - 1] != '-') {
    return std::nullopt;
  }
  const auto trace = traceparent.substr(kTraceAt, kTraceDigits);
  const auto parent = traceparent.substr(kParentAt, kParentDigits);
  const auto flags = traceparent.substr(kFlagsAt, 2);
  if (!is_id(trace) || !is_id(parent) || !is_hex(flags)) return std::nullopt;
  const char last = flags[1];
  const int low = last <= '9' ? last - '0' : last - 'a' + 10;
  return TraceContext{std::string(trace), std::string(parent), (low & 1) != 0};
}

TraceContext TraceContext::make() { return {random_id() + random_id(), random_id(), false}; }

TraceContext TraceContext::child() const { return {trace_id, random_id(), sampled}; }

std::string TraceContext::header() const {
  return fmt::format("00-{}-{}-{}", trace_id, parent_id, sampled ? "01" : "00");
}

}  // namespace wellhead::meta
