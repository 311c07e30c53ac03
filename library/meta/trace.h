// W3C Trace Context (https://www.w3.org/TR/trace-context/): which request of somebody's, over all servers that it
// passes, something belongs to. Nothing is recorded here: the id goes into logs and on to the next server.
//
//   const auto trace = TraceContext::parse(request.header("traceparent")).value_or(TraceContext::make());
//   request.headers.push_back("traceparent: " + trace.child().header());
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wellhead::meta {

struct TraceContext {
  std::string trace_id;   // 32 lower-case hex digits, not all 0
  std::string parent_id;  // 16, of who asks, not all 0
  bool sampled = false;   // whether who asked records it

  // nullopt: malformed, which the standard says to treat as absent. A later version is read as far as it is known.
  static std::optional<TraceContext> parse(std::string_view traceparent);
  // A new trace, by random numbers of the system.
  static TraceContext make();
  // The same trace for a request of ours, with a random parent id of its own.
  TraceContext child() const;
  // The header's value: 00-TRACE-PARENT-FLAGS.
  std::string header() const;
};

}  // namespace wellhead::meta
