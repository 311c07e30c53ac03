// A run as it goes: read again and again, and sent whenever it has changed.
#include <fmt/format.h>
#include <simdjson.h>

#include <functional>
#include <utility>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "service/zipcode/route_parts.h"

namespace wellhead::zipcode {
namespace {

using storage::Result;
using storage::Value;
using webserver::Request;
using webserver::Response;
using webserver::Task;

constexpr std::chrono::milliseconds kInterval{500};
constexpr int kSilentRounds = 30;  // then a comment shows that the connection still is there
constexpr std::size_t kIdDigits = 16;

void append_member(std::string& object, std::string_view name, std::string_view json) {
  object.pop_back();
  object.append(",\"").append(name).append("\":").append(json).append("}");
}

// Without what changes all the time by itself.
std::string event_id(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::object run;
  std::string steady;
  if (parser.parse(json).get(run) == simdjson::SUCCESS) {
    for (const auto member : run) {
      if (member.key != "seconds") steady.append(member.key).append(simdjson::minify(member.value));
    }
  }
  return std::string(meta::row_digest(steady).hex().data(), kIdDigits);
}

bool has_ended(const std::string& json) {
  simdjson::dom::parser parser;
  std::string_view state;
  if (parser.parse(json)["state"].get(state) != simdjson::SUCCESS) return false;
  return state != "queued" && state != "running";
}

class RunEvents final : public webserver::BodyStream {
 public:
  RunEvents(RouteStatePointer state, resource::Reading connection, webserver::Worker& worker, meta::RunId run,
            std::string first, std::string last_id)
      : state_(std::move(state)),
        connection_(std::move(connection)),
        worker_(worker),
        run_(run),
        json_(std::move(first)),
        last_id_(std::move(last_id)) {}

  Task<std::optional<std::string>> next() override {
    for (int silent = 0; !ended_; ++silent) {
      if (json_.empty()) {
        if (worker_.stopping()) break;
        webserver::Pause pause(worker_, kInterval);
        co_await pause;
        auto reading = run_json(state_, connection_, &worker_, run_);
        json_ = co_await reading;
      }
      const std::string json = std::exchange(json_, {});
      ended_ = has_ended(json);
      std::string id = event_id(json);
      if (id != last_id_ || ended_) {
        last_id_ = id;
        co_return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", id, ended_ ? "end" : "progress", json);
      }
      if (silent == kSilentRounds) co_return ": nothing new\n\n";
    }
    co_return std::nullopt;
  }

 private:
  RouteStatePointer state_;
  resource::Reading connection_;
  webserver::Worker& worker_;
  meta::RunId run_;
  std::string json_;  // read and not looked at yet
  std::string last_id_;
  bool ended_ = false;
};

}  // namespace

Task<std::string> run_json(RouteStatePointer state, resource::Reading connection, webserver::Worker* worker,
                           meta::RunId run) {
  std::vector<Value> parameters;
  parameters.emplace_back(run.value);
  auto query = connection.query(state->statements.run_detail, parameters);
  const Result rows = co_await query;
  if (rows.empty()) throw meta::Error(meta::ErrorCode::not_found, "There is no run with this number");
  std::string body(rows.text(0, 1));
  if (state->operations == nullptr) {
    auto sums = connection.query(state->statements.progress, std::move(parameters));
    const Result progress = co_await sums;
    append_member(body, "progress", progress.text(0, 1));
    co_return body;
  }
  std::function<RunStatus()> work = [state, run] { return state->operations->status(run); };
  auto asked = state->pool.run<RunStatus>(*worker, std::move(work));
  const RunStatus status = co_await asked;
  append_member(body, "progress", meta::to_json(status.progress));
  append_member(body, "steps", meta::to_json(status.steps));
  if (status.steps_error) append_member(body, "steps_error", meta::to_json(*status.steps_error));
  co_return body;
}

Task<Response> run_events(RouteStatePointer state, Request request) {
  const meta::RunId run{request.arguments.integer("id")};
  auto reading = run_json(state, state->reading(request), request.worker, run);
  std::string first = co_await reading;
  Response response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.stream = std::make_shared<RunEvents>(state, state->reading(request), *request.worker, run, std::move(first),
                                                std::string(request.header("Last-Event-ID")));
  co_return response;
}

}  // namespace wellhead::zipcode
