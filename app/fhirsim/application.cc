#include "app/fhirsim/application.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>

#include "app/fhirsim/compression.h"
#include "app/fhirsim/mixing.h"
#include "library/meta/error.h"

namespace wellhead::fhirsim {
namespace {

// Retry-After: seconds, or `date+N` for the HTTP date N seconds from now.
std::string retry_after(const std::string& setting) {
  constexpr std::string_view date = "date";
  if (!setting.starts_with(date)) return setting;
  std::int64_t seconds = 0;
  const char* const begin = setting.data() + std::min(setting.size(), date.size() + 1);
  std::from_chars(begin, setting.data() + setting.size(), seconds);
  // An HTTP date has whole seconds: round up, so that the wait is never shorter than asked.
  return http_date(wall_clock() + 999 + seconds * 1000);
}

std::int64_t part_of(std::int64_t bytes, const Buffer& body) {
  const auto size = static_cast<std::int64_t>(body.size());
  return bytes < 0 ? size / 2 : std::min(bytes, size);
}

}  // namespace

Application::Application(Options options)
    : options_(std::move(options)),
      store_(options_.store),
      faults_(options_.seed),
      fhir_(store_, faults_, options_.fhir) {
  faults_.add(options_.faults);
}

void Application::handle(const Request& request, Reply& reply) {
  try {
    const auto path = request.path();
    if (path == "/fhir" || path.starts_with("/fhir/")) {
      answer_fhir(request, reply);
    } else if (path.starts_with("/admin/")) {
      answer_admin(request, reply);
    } else {
      reply.html(404, "Error 404 Not Found");
    }
  } catch (const meta::Error& error) {
    reply.outcome(400, "invalid", error.message() + (error.advice().empty() ? "" : ": " + error.advice()));
  } catch (const std::exception& error) {
    reply.outcome(500, "exception", error.what());
  }
}

void Application::answer_fhir(const Request& request, Reply& reply) {
  FaultSubject subject{.method = request.method};
  if (!faults_.empty()) {
    subject.text = request.target;
    if (request.method == "POST") subject.text += fmt::format("?{}", request.body);
  }
  ++requests_;
  if (faults_.empty() || !interfere_before(request, subject, reply)) fhir_.answer(request, subject, reply);
  if (!faults_.empty()) change_body(subject, reply);
  if (options_.gzip && request.accept_encoding.contains("gzip") && reply.body.size() > 1024) {
    compress_gzip(reply.body);
    reply.header("Content-Encoding", "gzip");
  }
  if (!faults_.empty()) choose_ending(subject, reply);
  journal_.add(request, reply, std::move(subject));
}

bool Application::interfere_before(const Request& request, FaultSubject& subject, Reply& reply) {
  if (const auto* rule = faults_.fire("latency", subject)) {
    reply.delay_ms = std::max<std::int64_t>(rule->ms, 0);
    if (rule->jitter_ms > 0) {
      const auto random = mix(options_.seed + mix(requests_));
      reply.delay_ms += static_cast<std::int64_t>(random % static_cast<std::uint64_t>(rule->jitter_ms + 1));
    }
  }
  if (faults_.fire("hold", subject) != nullptr) reply.held_at = faults_.clearings();
  if (faults_.fire("reset", subject) != nullptr) {
    reply.ending = Reply::Ending::reset;
    return true;
  }
  if (refuse_token(request, subject, reply) || throttle(subject, reply)) return true;
  if (const auto* rule = faults_.fire("server_error", subject)) {
    if (!rule->retry_after.empty()) reply.header("Retry-After", retry_after(rule->retry_after));
    reply.outcome(rule->status > 0 ? static_cast<int>(rule->status) : 503, "transient", "Injected outage");
    return true;
  }
  if (const auto* rule = faults_.fire("html_error", subject)) {
    reply.html(rule->status > 0 ? static_cast<int>(rule->status) : 502, "Bad Gateway");
    return true;
  }
  if (const auto* rule = faults_.fire("redirect", subject)) {
    reply.header("Location", rule->url + std::string(request.target));
    reply.html(rule->status > 0 ? static_cast<int>(rule->status) : 307, "Redirect");
    return true;
  }
  return false;
}

bool Application::refuse_token(const Request& request, FaultSubject& subject, Reply& reply) {
  FaultRule* rule = faults_.find("bearer", subject);
  if (rule == nullptr || request.authorization == "Bearer " + rule->token || !faults_.apply(*rule, subject))
    return false;
  reply.header("WWW-Authenticate", "Bearer");
  reply.outcome(401, "login", "HAPI-0644: Missing or invalid access token");
  return true;
}

bool Application::throttle(FaultSubject& subject, Reply& reply) {
  FaultRule* rule = faults_.find("too_many_requests", subject);
  if (rule == nullptr) return false;
  const Instant second = wall_clock() / 1000;
  if (second != second_) seen_in_second_ = 0;
  second_ = second;
  if (rule->rps > 0 && ++seen_in_second_ <= rule->rps) return false;
  if (!faults_.apply(*rule, subject)) return false;
  reply.header("Retry-After", rule->retry_after.empty() ? "1" : retry_after(rule->retry_after));
  reply.outcome(429, "throttled", "Too many requests");
  return true;
}

void Application::change_body(FaultSubject& subject, Reply& reply) {
  if (const auto* rule = faults_.fire("oversize", subject)) {
    const auto bytes = static_cast<std::size_t>(std::max<std::int64_t>(rule->bytes, 0));
    std::fill_n(reply.body.room(bytes), bytes, ' ');
    reply.body.advance(bytes);
  }
  if (const auto* rule = faults_.fire("deep", subject); rule != nullptr && reply.body.view().ends_with('}')) {
    const auto depth = static_cast<std::size_t>(std::max<std::int64_t>(rule->depth, 0));
    reply.body.truncate(reply.body.size() - 1);
    reply.body.append(fmt::format(R"(,"extension":{}{}}})", std::string(depth, '['), std::string(depth, ']')));
  }
}

void Application::choose_ending(FaultSubject& subject, Reply& reply) {
  if (reply.ending != Reply::Ending::whole) return;
  const auto end_with = [&](std::string_view kind, Reply::Ending ending) {
    const auto* rule = faults_.fire(kind, subject);
    if (rule == nullptr) return false;
    reply.ending = ending;
    reply.piece_bytes =
        ending == Reply::Ending::drip ? std::max<std::int64_t>(rule->bytes, 1) : part_of(rule->bytes, reply.body);
    reply.piece_ms = rule->ms < 0 ? 10 : rule->ms;
    return true;
  };
  if (end_with("truncate", Reply::Ending::truncated) || end_with("reset_in_body", Reply::Ending::reset_in_body)) return;
  end_with("drip", Reply::Ending::drip);
}

void Application::answer_admin(const Request& request, Reply& reply) {
  const auto path = request.path();
  if (path.starts_with("/admin/resources")) return admin_resources(request, reply);
  if (path == "/admin/faults") return admin_faults(request, reply);
  if (path == "/admin/log") return admin_log(request, reply);
  if (path == "/admin/statistics" && request.method == "GET") return reply.json(200, journal_.statistics());
  if (path == "/admin/reset" && request.method == "POST") {
    reset();
    return reply.json(200, "{}");
  }
  reply.outcome(404, "not-found", "fhirsim has no such control: see app/fhirsim/application.h");
}

void Application::reset() {
  store_.reset();
  faults_.clear();
  faults_.add(options_.faults);
  fhir_.forget_pages();
  journal_.clear_log();
}

void Application::admin_resources(const Request& request, Reply& reply) {
  constexpr std::string_view root = "/admin/resources/";
  if (request.method == "DELETE") {
    const auto path = request.path();
    const auto rest = path.substr(std::min(path.size(), root.size()));
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto type = resource_type_from_string(rest.substr(0, slash));
    const std::string id = percent_decoded(rest.substr(std::min(slash + 1, rest.size())));
    if (!type || !store_.remove(*type, id, wall_clock())) return reply.outcome(404, "not-found", "no such resource");
    return reply.json(200, "{}");
  }
  if (request.method != "PUT") return reply.outcome(405, "not-supported", "PUT or DELETE");
  std::optional<ResourceType> raw;
  std::string value;
  for (const auto& [name, text] : parse_parameters(request.query())) {
    if (name == "raw") raw = resource_type_from_string(text);
    if (name == "value") value = text;
  }
  if (raw) {
    store_.put_raw(*raw, value, request.body, wall_clock());
    return reply.json(200, R"({"resources":1})");
  }
  int resources = 0;
  for (auto rest = request.body; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    if (const auto line = rest.substr(0, end); line.find_first_not_of(" \t\r") != std::string_view::npos) {
      store_.put(line, wall_clock());
      ++resources;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  reply.json(200, fmt::format(R"({{"resources":{}}})", resources));
}

void Application::admin_faults(const Request& request, Reply& reply) {
  if (request.method == "POST" || request.method == "PUT") {
    auto rules = parse_fault_rules(request.body);
    if (request.method == "PUT") faults_.clear();
    faults_.add(std::move(rules));
  } else if (request.method == "DELETE") {
    faults_.clear();
  } else if (request.method != "GET") {
    return reply.outcome(405, "not-supported", "GET, POST, PUT or DELETE");
  }
  reply.json(200, meta::to_json(faults_.rules()));
}

void Application::admin_log(const Request& request, Reply& reply) {
  if (request.method == "DELETE") {
    journal_.clear_log();
    return reply.json(200, "{}");
  }
  reply.json(200, journal_.log_lines());
}

}  // namespace wellhead::fhirsim
